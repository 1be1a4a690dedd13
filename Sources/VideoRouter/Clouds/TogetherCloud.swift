import HTTPClient
import StrictJSON
import VideoTypes

/// Together: the cloud whose fields are nearest to a request's own.
struct TogetherCloud: Cloud {
    let name = "together"
    let address = "https://api.together.xyz"
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let models = [Self.wan, Self.hailuo, Self.kling]

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        .post(
            "/v2/videos",
            order.withExtras([
                ("model", .string(order.wire)), ("prompt", .string(order.prompt)),
                ("negative_prompt", JSONText.optional(order.negativePrompt)), ("seconds", .string("\(order.seconds)")),
                ("width", .integer(order.size.width)), ("height", .integer(order.size.height)),
                ("fps", order.framesPerSecond.map(JSONText.integer)), ("steps", order.steps.map(JSONText.integer)),
                ("guidance_scale", order.guidanceScale.map(JSONText.number)), ("seed", order.smallSeed),
                ("generate_audio", order.model.sound == .chosen ? .bool(order.hasSound) : nil),
            ]))
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? { CloudTicket(answer.text("id")) }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        guard !answer.isSuccess else { return nil }
        return CloudRefusal(answer, code: answer.text("error", "code"), parameter: answer.text("error", "param"))
            .providerError
    }

    func look(_ ticket: CloudTicket) -> CloudCall { CloudCall(.get, "/v2/videos/\(ticket.id)") }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard answer.isSuccess, let status = answer.text("status") else { return .unreadable }
        switch status {
        case "queued": return .waiting
        case "in_progress": return .working(percent: nil)
        case "completed":
            guard let link = answer.text("outputs", "video_url") else {
                return .failed(.corruptOutput("the cloud finished the clip and gave none"))
            }
            // Its cost has no unit that anybody told.
            return .done(CloudClip(source: .link(link, needsKey: false)))
        case "failed":
            let words = answer.text("error", "message")?.printable ?? "the clip failed"
            let isPolicy = CloudRefusal.isPolicy(answer.text("error", "code") ?? "")
            return .failed(isPolicy ? .contentPolicy(words) : .server(words))
        default: return .unreadable
        }
    }

    private static func model(_ id: String, _ wire: String, _ lengths: [Int], _ format: CloudModel.Format) -> CloudModel
    {
        var model = CloudModel(
            id: id, wire: wire, lengths: .listed(lengths), formats: [format], ratios: [.landscape])
        model.extras = ["output_format", "output_quality"]
        return model
    }

    private static let wan: CloudModel = {
        var model = Self.model(
            "wan-2.2-t2v", "Wan-AI/Wan2.2-T2V-A14B", [5], CloudModel.Format(name: "720p", side: 720))
        model.takes = [.negativePrompt, .seed, .steps, .guidanceScale, .framesPerSecond]
        return model
    }()

    private static let hailuo = model(
        "hailuo-02", "minimax/hailuo-02", [6, 10],
        CloudModel.Format(name: "768p", side: 768, sizes: [.landscape: .init(width: 1366, height: 768)]))

    private static let kling = model(
        "kling-2.1-standard", "kwaivgI/kling-2.1-standard", [5, 10], CloudModel.Format(name: "720p", side: 720))
}
