import HTTPClient
import StrictJSON
import VideoTypes

/// OpenAI's own video API, which closed; relays still speak it.
struct OpenAICloud: Cloud {
    let name = "openai"
    let address = "https://api.openai.com/v1"
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let check: CloudCall? = CloudCall(.get, "/models")
    let models = [Self.sora, Self.soraPro]

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        var parts = [
            ("prompt", order.prompt), ("model", order.wire), ("seconds", "\(order.seconds)"), ("size", order.size.text),
        ].map { HTTPCall.FormPart($0.0, Array($0.1.utf8)) }
        if let picture = order.first {
            parts.append(
                HTTPCall.FormPart(
                    "input_reference", picture.bytes, fileName: "reference.\(picture.format.rawValue)",
                    mediaType: picture.format.mediaType))
        }
        return CloudCall(.post, "/videos", .form(parts))
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? { CloudTicket(answer.text("id")) }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        guard !answer.isSuccess else { return nil }
        let code = answer.text("error", "code") ?? ""
        if answer.status == 429, code == "insufficient_quota" {
            return .quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds)
        }
        return CloudRefusal(answer, code: code, parameter: answer.text("error", "param")).providerError
    }

    func pause(_ answer: CloudAnswer) -> Double? { answer.pollSeconds }

    func look(_ ticket: CloudTicket) -> CloudCall { CloudCall(.get, "/videos/\(ticket.id)") }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard answer.isSuccess, let status = answer.text("status") else { return .unreadable }
        switch status {
        case "queued": return .waiting
        case "in_progress": return .working(percent: answer.number("progress").map { Int(min(max($0, 0), 100)) })
        case "completed":
            // Below the address that was configured; the driver puts it there.
            return .done(CloudClip(source: .link("/videos/\(ticket.id)/content", needsKey: true)))
        case "failed":
            let words = answer.text("error", "message")?.printable ?? "the clip failed"
            let code = answer.text("error", "code") ?? ""
            if CloudRefusal.isPolicy(code) { return .failed(.contentPolicy(words)) }
            if code.hasPrefix("invalid") { return .failed(.badRequest(words, parameter: nil)) }
            return .failed(code.contains("overloaded") ? .capacity(retryAfterSeconds: nil) : .server(words))
        default: return .unreadable
        }
    }

    func cancel(_ ticket: CloudTicket) -> CloudCall? { CloudCall(.delete, "/videos/\(ticket.id)") }

    func search(_ lost: LostOrder) -> CloudCall? { Self.list }

    func found(_ answer: CloudAnswer, _ lost: LostOrder) -> CloudSearch { Self.found(answer, lost) }

    static let list = CloudCall(.get, "/videos?limit=100")

    /// Those of a list that can be an order, the newest first.
    static func found(_ answer: CloudAnswer, _ lost: LostOrder) -> CloudSearch {
        guard answer.isSuccess, let list = answer.value("data") else { return .unknown }
        let tickets = list.elements.compactMap { entry -> CloudTicket? in
            guard lost.wire == nil || entry.value(at: ["model"])?.plainText == lost.wire,
                lost.fits(
                    prompt: entry.value(at: ["prompt"])?.plainText,
                    secondsSince1970: entry.value(at: ["created_at"])?.plainNumber)
            else { return nil }
            return CloudTicket(entry.value(at: ["id"])?.plainText)
        }
        return .candidates(tickets)
    }

    private static let closed = CalendarDay("2026-09-24")

    private static let sora: CloudModel = {
        var model = CloudModel(
            id: "sora-2", wire: "sora-2", lengths: .listed([4, 8, 12]),
            formats: [CloudModel.Format(name: "720p", side: 720)])
        model.sound = .always
        model.pictures = .init(takesFirst: true, maxBytes: 20 << 20)
        model.retiresOn = closed
        return model
    }()

    private static let soraPro: CloudModel = {
        var model = sora
        (model.wire, model.qualities) = ("sora-2-pro", [.premium])
        return CloudModel(
            id: "sora-2-pro", wire: "sora-2-pro", lengths: model.lengths,
            formats: model.formats + [
                CloudModel.Format(
                    name: "1024p", side: 1024,
                    sizes: [.landscape: .init(width: 1792, height: 1024), .portrait: .init(width: 1024, height: 1792)])
            ], sound: .always, pictures: model.pictures, qualities: [.premium], retiresOn: closed)
    }()
}
