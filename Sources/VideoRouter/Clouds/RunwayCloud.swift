import HTTPClient
import StrictJSON
import VideoTypes

/// Runway: its own models, and Veo and Kling under the same key.
struct RunwayCloud: Cloud {
    let name = "runway"
    let address = "https://api.dev.runwayml.com"
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let headers = ["X-Runway-Version": "2024-11-06"]
    /// It wants no more than one look in five seconds.
    let pollSeconds = 5.0
    let waitsForFree = true
    let check: CloudCall? = CloudCall(.get, "/v1/organization")
    let models = Self.own + Self.veo + Self.kling

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        var members: [(String, JSONText?)] = [
            ("model", .string(order.wire)), ("promptText", .string(order.prompt)),
            ("ratio", .string("\(order.size.width):\(order.size.height)")), ("duration", .integer(order.seconds)),
            ("seed", order.smallSeed), ("negativePrompt", JSONText.optional(order.negativePrompt)),
            ("audio", order.model.sound == .chosen ? .bool(order.hasSound) : nil),
        ]
        guard let first = order.first else { return .post("/v1/text_to_video", order.withExtras(members)) }
        let frames: [(ReferenceImage?, String)] = [(first, "first"), (order.last, "last")]
        let images = frames.compactMap { picture, place in
            picture.map { JSONText.object([("uri", .string($0.dataURI)), ("position", .string(place))]) }
        }
        members.append(("promptImage", .array(images)))
        return .post("/v1/image_to_video", order.withExtras(members))
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? { CloudTicket(answer.text("id")) }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        guard !answer.isSuccess else { return nil }
        let path = answer.value("issues", "0", "path")?.elements.first?.plainText
        let refusal = CloudRefusal(
            answer, message: answer.text("issues", "0", "message") ?? answer.text("error"), parameter: path)
        let words = refusal.message.lowercased()
        if answer.status == 400, words.contains("moderation") { return .contentPolicy(refusal.message) }
        // It says so of models, never of keys.
        if answer.status == 403 { return .badRequest(refusal.message, parameter: "model") }
        if answer.status == 400, words.contains("credits") {
            return .quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds)
        }
        return refusal.providerError
    }

    func look(_ ticket: CloudTicket) -> CloudCall { CloudCall(.get, "/v1/tasks/\(ticket.id)") }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard answer.isSuccess, let status = answer.text("status") else { return .unreadable }
        switch status {
        // Its own limit is reached, and the task waits.
        case "PENDING", "THROTTLED": return .waiting
        case "RUNNING":
            return .working(percent: answer.number("progress").map { Int(min(max($0, 0), 1) * 100) })
        case "SUCCEEDED":
            guard let link = answer.text("output", "0") else {
                return .failed(.corruptOutput("the cloud finished the clip and gave none"))
            }
            // A credit is a cent.
            let dollars = answer.number("cost", "credits").map { max($0, 0) / 100 }
            return .done(CloudClip(source: .link(link, needsKey: false), dollars: dollars))
        case "CANCELLED": return .failed(.server("the cloud cancelled the clip"))
        case "FAILED": return .failed(Self.failure(answer))
        default: return .unreadable
        }
    }

    private static func failure(_ answer: CloudAnswer) -> ProviderError {
        let code = answer.text("failureCode")?.printable ?? ""
        let words = (answer.text("failure")?.printable ?? "the clip failed") + (code.isEmpty ? "" : " (\(code))")
        if code.hasPrefix("SAFETY") || code.hasPrefix("INPUT_PREPROCESSING.SAFETY") { return .contentPolicy(words) }
        if code.hasPrefix("ASSET.INVALID") { return .badRequest(words, parameter: "reference_images") }
        if code.hasPrefix("INPUT_PREPROCESSING") { return .badRequest(words, parameter: nil) }
        return code.hasPrefix("THIRD_PARTY.UNAVAILABLE") ? .capacity(retryAfterSeconds: nil) : .server(words)
    }

    func cancel(_ ticket: CloudTicket) -> CloudCall? { CloudCall(.delete, "/v1/tasks/\(ticket.id)") }
}

// What it makes.
extension RunwayCloud {
    /// Of a data URI of 5 MB, the picture itself.
    private static let pictureBytes = (5 << 20) / 4 * 3 - 64

    private static func model(
        _ id: String, _ lengths: CloudModel.Lengths, _ formats: [CloudModel.Format], _ ratios: [AspectRatio],
        last: Bool, _ change: (inout CloudModel) -> Void
    ) -> CloudModel {
        var model = CloudModel(id: id, wire: id, lengths: lengths, formats: formats, ratios: ratios)
        model.promptLimit = .init(count: 1000, unit: .utf16Units)
        model.pictures = .init(takesFirst: true, takesLast: last, maxBytes: pictureBytes)
        change(&model)
        return model
    }

    private static let p720 = CloudModel.Format(name: "720p", side: 720)
    private static let p1080 = CloudModel.Format(name: "1080p", side: 1080)

    private static let own = [
        model("gen4.5", .whole(2...10), [p720], [.landscape, .portrait], last: false) {
            $0.takes = [.seed]
            $0.extras = ["contentModeration"]
            $0.qualities = [.standard, .premium]
        },
        model("gen4_turbo", .whole(2...10), [p720], [.landscape, .portrait], last: false) {
            $0.takes = [.seed]
            $0.extras = ["contentModeration"]
            $0.pictures.needsFirst = true
            $0.qualities = [.draft]
        },
    ]

    private static let veo = [("veo3.1", Quality.premium), ("veo3.1_fast", .standard)].map { id, quality in
        model(id, .listed([8, 4, 6]), [p720, p1080], [.landscape, .portrait], last: true) {
            $0.takes = [.seed, .negativePrompt]
            $0.sound = .chosen
            $0.qualities = [quality]
        }
    }

    private static let kling = [
        model(
            "kling3.0_standard", .whole(3...15), [square(p720, 960)], [.landscape, .portrait, .square], last: true
        ) { $0.sound = .chosen },
        model("kling3.0_pro", .whole(3...15), [square(p1080, 1440)], [.landscape, .portrait, .square], last: true) {
            $0.sound = .chosen
            $0.qualities = [.premium]
        },
    ]

    /// Squares are larger than the others' shorter side.
    private static func square(_ format: CloudModel.Format, _ side: Int) -> CloudModel.Format {
        var format = format
        format.sizes = [.square: .init(width: side, height: side)]
        return format
    }
}

extension ReferenceImage {
    var dataURI: String { "data:\(format.mediaType);base64,\(Base64.encode(bytes))" }
}
