import HTTPClient
import StrictJSON
import VideoTypes

/// Luma's older API, Dream Machine: it takes no bytes of pictures.
struct LumaCloud: Cloud {
    let name = "luma"
    let address = "https://api.lumalabs.ai"
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let check: CloudCall? = CloudCall(.get, Self.path + "/credits")

    private static let path = "/dream-machine/v1"

    let models = [("ray-2", Quality.standard), ("ray-flash-2", .draft)].map { id, quality in
        var model = CloudModel(
            id: id, wire: id, lengths: .listed([5, 9]),
            formats: [("720p", 720), ("540p", 540), ("1080p", 1080), ("4k", 2160)].map { name, side in
                CloudModel.Format(name: name, side: side)
            }, ratios: LumaRatios.seven)
        model.continuesClips = true
        model.extras = ["loop", "concepts"]
        model.qualities = [quality]
        return model
    }

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        .post(
            Self.path + "/generations/video",
            order.withExtras([
                ("model", .string(order.wire)), ("prompt", .string(order.prompt)),
                ("aspect_ratio", .string(order.ratio.description)), ("duration", .string("\(order.seconds)s")),
                ("resolution", .string(order.format.name)),
                (
                    "keyframes",
                    order.continues.map {
                        .object([("frame0", .object([("type", "generation"), ("id", .string($0))]))])
                    }
                ),
            ]))
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? { CloudTicket(answer.text("id")) }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        guard !answer.isSuccess else { return nil }
        let refusal = CloudRefusal(answer, message: answer.text("detail"))
        let words = refusal.message.lowercased()
        if answer.status == 400, words.contains("moderation") { return .contentPolicy(refusal.message) }
        if answer.status == 400, words.contains("credits") {
            return .quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds)
        }
        return refusal.providerError
    }

    func look(_ ticket: CloudTicket) -> CloudCall { CloudCall(.get, Self.path + "/generations/\(ticket.id)") }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard answer.isSuccess, let state = answer.text("state") else { return .unreadable }
        switch state {
        case "queued": return .waiting
        case "dreaming": return .working(percent: nil)
        case "completed":
            guard let link = answer.text("assets", "video") else {
                return .failed(.corruptOutput("the cloud finished the clip and gave none"))
            }
            return .done(CloudClip(source: .link(link, needsKey: false)))
        case "failed":
            let words = answer.text("failure_reason")?.printable ?? "the clip failed"
            return .failed(words.lowercased().contains("moderation") ? .contentPolicy(words) : .server(words))
        default: return .unreadable
        }
    }

    func cancel(_ ticket: CloudTicket) -> CloudCall? {
        CloudCall(.delete, Self.path + "/generations/\(ticket.id)")
    }

    func search(_ lost: LostOrder) -> CloudCall? { CloudCall(.get, Self.path + "/generations?limit=100&offset=0") }

    func found(_ answer: CloudAnswer, _ lost: LostOrder) -> CloudSearch {
        guard answer.isSuccess, let list = answer.value("generations") else { return .unknown }
        let tickets = list.elements.compactMap { entry -> CloudTicket? in
            guard entry.value(at: ["model"])?.plainText == lost.wire,
                lost.fits(
                    prompt: entry.value(at: ["request", "prompt"])?.plainText,
                    secondsSince1970: entry.value(at: ["created_at"])?.plainText.flatMap(HTTPDate.internetSeconds))
            else { return nil }
            return CloudTicket(entry.value(at: ["id"])?.plainText)
        }
        return .candidates(tickets)
    }
}

/// Luma's newer API.
struct LumaAgentsCloud: Cloud {
    let name = "luma-agents"
    let address = "https://agents.lumalabs.ai"
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let models = [Self.ray]

    private static let ray: CloudModel = {
        var model = CloudModel(
            id: "ray-3.2", wire: "ray-3.2", lengths: .listed([5, 10]),
            formats: [("720p", 720), ("360p", 360), ("540p", 540), ("1080p", 1080)].map { name, side in
                CloudModel.Format(name: name, side: side)
            }, ratios: LumaRatios.seven)
        model.pictures = .init(takesFirst: true, takesLast: true, maxBytes: 10 << 20)
        model.continuesClips = true
        model.qualities = [.standard, .premium]
        return model
    }()

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        let frame = { (picture: ReferenceImage) in
            JSONText.object([
                ("data", .string(Base64.encode(picture.bytes))), ("media_type", .string(picture.format.mediaType)),
            ])
        }
        let former = order.continues.map { JSONText.object([("generation_id", .string($0))]) }
        let video: [(String, JSONText?)] = [
            ("duration", .string("\(order.seconds)s")), ("resolution", .string(order.format.name)),
            ("start_frame", former ?? order.first.map(frame)), ("end_frame", order.last.map(frame)),
        ]
        return .post(
            "/v1/generations",
            [
                ("type", "video"), ("model", .string(order.wire)), ("prompt", .string(order.prompt)),
                ("aspect_ratio", .string(order.ratio.description)), ("video", JSONText.members(video)),
            ])
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? { CloudTicket(answer.text("id")) }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        answer.isSuccess ? nil : CloudRefusal(answer, code: answer.text("code")).providerError
    }

    func look(_ ticket: CloudTicket) -> CloudCall { CloudCall(.get, "/v1/generations/\(ticket.id)") }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard answer.isSuccess, let state = answer.text("state") else { return .unreadable }
        switch state {
        case "queued": return .waiting
        case "processing": return .working(percent: nil)
        case "completed":
            guard let link = answer.text("output", "0", "url") else {
                return .failed(.corruptOutput("the cloud finished the clip and gave none"))
            }
            return .done(CloudClip(source: .link(link, needsKey: false)))
        case "failed": return .failed(Self.failure(answer))
        default: return .unreadable
        }
    }

    private static func failure(_ answer: CloudAnswer) -> ProviderError {
        let code = answer.text("failure_code") ?? ""
        let words = answer.text("failure_reason")?.printable ?? "the clip failed"
        switch code {
        case "content_moderated": return .contentPolicy(words)
        case "rate_limited": return .quota(retryAfterSeconds: nil)
        case "budget_exhausted": return .quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds)
        case "image_too_large", "unsupported_format", "corrupt_input":
            return .badRequest(words, parameter: "reference_images")
        case "invalid_request": return .badRequest(words, parameter: nil)
        default: return .server(words)
        }
    }
}

enum LumaRatios {
    static let seven = [
        AspectRatio.landscape, .portrait, .square, AspectRatio(width: 4, height: 3), AspectRatio(width: 3, height: 4),
        AspectRatio(width: 21, height: 9), AspectRatio(width: 9, height: 21),
    ]
}
