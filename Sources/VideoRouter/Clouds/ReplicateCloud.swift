import HTTPClient
import StrictJSON
import VideoTypes

/// Replicate: one way to order for all models, each with an input of its own.
struct ReplicateCloud: Cloud {
    let name = "replicate"
    let address = "https://api.replicate.com"
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let check: CloudCall? = CloudCall(.get, "/v1/account")
    let models = [Self.wan, Self.hailuo, Self.veo]

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        let fields = order.model.fields
        var input: [(String, JSONText?)] = [
            ("prompt", .string(order.prompt)), ("negative_prompt", JSONText.optional(order.negativePrompt)),
            ("seed", order.smallSeed),
        ]
        if let name = fields.seconds { input.append((name, fields.secondsStyle.write(order.seconds))) }
        if let name = fields.resolution { input.append((name, .string(order.format.name))) }
        if let name = fields.ratio { input.append((name, .string(order.ratio.description))) }
        if let name = fields.sound { input.append((name, .bool(order.hasSound))) }
        if let name = fields.first, let picture = order.first { input.append((name, .string(picture.dataURI))) }
        if let name = fields.last, let picture = order.last { input.append((name, .string(picture.dataURI))) }
        input += fields.fixed.sorted { $0.key < $1.key }.map { ($0.key, Optional($0.value)) }
        return .post("/v1/models/\(order.wire)/predictions", [("input", JSONText.members(order.withExtras(input)))])
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? { CloudTicket(answer.text("id")) }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        guard !answer.isSuccess else { return nil }
        var refusal = CloudRefusal(answer, message: answer.text("detail"))
        if let error = Self.coded(refusal.message) { return error }
        // "- input.duration: Invalid type"
        let field = refusal.message.split(separator: ":").first.map(String.init) ?? ""
        if field.hasPrefix("- input.") { refusal.parameter = String(field.dropFirst(8)) }
        return refusal.providerError
    }

    private static func coded(_ words: String) -> ProviderError? {
        if words.contains("E005") || words.lowercased().contains("sensitive") { return .contentPolicy(words) }
        if words.contains("E004") { return .capacity(retryAfterSeconds: nil) }
        return words.contains("E006") ? .badRequest(words, parameter: "reference_images") : nil
    }

    func look(_ ticket: CloudTicket) -> CloudCall { CloudCall(.get, "/v1/predictions/\(ticket.id)") }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard answer.isSuccess, let status = answer.text("status") else { return .unreadable }
        switch status {
        case "starting": return .waiting
        case "processing": return .working(percent: Self.percent(answer.text("logs") ?? ""))
        case "succeeded":
            // One text, or a list of them.
            guard let link = answer.text("output") ?? answer.text("output", "0") else {
                return .failed(.corruptOutput("the cloud finished the clip and gave none"))
            }
            return .done(CloudClip(source: .link(link, needsKey: false)))
        case "canceled": return .failed(.server("the cloud cancelled the clip"))
        case "aborted": return .failed(.timeout("the cloud did not begin the clip in time"))
        case "failed":
            let words = answer.text("error")?.printable ?? "the clip failed"
            return .failed(Self.coded(words) ?? .server(words))
        default: return .unreadable
        }
    }

    /// The last "37%" of the model's own bar of progress.
    private static func percent(_ log: String) -> Int? {
        guard let sign = log.suffix(4096).lastIndex(of: "%") else { return nil }
        let digits = log[..<sign].suffix(3).drop { !$0.isASCII || !$0.isNumber }
        return Int(digits).map { min($0, 100) }
    }

    func cancel(_ ticket: CloudTicket) -> CloudCall? { CloudCall(.post, "/v1/predictions/\(ticket.id)/cancel") }

    func search(_ lost: LostOrder) -> CloudCall? { CloudCall(.get, "/v1/predictions") }

    func found(_ answer: CloudAnswer, _ lost: LostOrder) -> CloudSearch {
        guard answer.isSuccess, let list = answer.value("results") else { return .unknown }
        let tickets = list.elements.compactMap { entry -> CloudTicket? in
            guard entry.value(at: ["model"])?.plainText == lost.wire,
                lost.fits(
                    prompt: entry.value(at: ["input", "prompt"])?.plainText,
                    secondsSince1970: entry.value(at: ["created_at"])?.plainText.flatMap(HTTPDate.internetSeconds))
            else { return nil }
            return CloudTicket(entry.value(at: ["id"])?.plainText)
        }
        return .candidates(tickets)
    }
}

// What it makes.
extension ReplicateCloud {
    /// 81 frames at 16 a second: what the model makes by itself.
    private static let wan: CloudModel = {
        var model = CloudModel(
            id: "wan-2.2-t2v-fast", wire: "wan-video/wan-2.2-t2v-fast", lengths: .listed([5]),
            formats: [CloudModel.Format(name: "480p", side: 480), CloudModel.Format(name: "720p", side: 720)])
        model.takes = [.seed]
        model.extras = ["go_fast", "sample_shift", "optimize_prompt"]
        model.qualities = [.draft]
        model.fields = CloudFields(
            seconds: nil, resolution: "resolution", ratio: "aspect_ratio",
            fixed: ["num_frames": 81, "frames_per_second": 16])
        return model
    }()

    private static let hailuo: CloudModel = {
        var model = CloudModel(
            id: "hailuo-2.3", wire: "minimax/hailuo-2.3", lengths: .listed([6, 10]),
            formats: [
                CloudModel.Format(name: "768p", side: 768), CloudModel.Format(name: "1080p", side: 1080, lengths: [6]),
            ], ratios: [.landscape])
        model.promptLimit = .init(count: 2000, unit: .characters)
        model.pictures = .init(takesFirst: true, maxBytes: pictureBytes, giveRatio: true)
        model.extras = ["prompt_optimizer"]
        model.fields = CloudFields(resolution: "resolution", first: "first_frame_image")
        return model
    }()

    private static let veo: CloudModel = {
        var model = CloudModel(
            id: "veo-3.1", wire: "google/veo-3.1", lengths: .listed([8, 4, 6]),
            formats: [CloudModel.Format(name: "720p", side: 720), CloudModel.Format(name: "1080p", side: 1080)])
        model.sound = .chosen
        model.takes = [.seed, .negativePrompt]
        model.pictures = .init(takesFirst: true, takesLast: true, maxBytes: pictureBytes)
        model.qualities = [.premium]
        model.fields = CloudFields(
            resolution: "resolution", ratio: "aspect_ratio", sound: "generate_audio", first: "image", last: "last_frame"
        )
        return model
    }()

    /// Data URIs of 256 KB are taken.
    private static let pictureBytes = (256 << 10) / 4 * 3 - 64
}
