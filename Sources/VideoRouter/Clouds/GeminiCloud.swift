import HTTPClient
import StrictJSON
import VideoTypes

/// Veo by the Gemini API.
struct GeminiCloud: Cloud {
    let name = "gemini"
    let address = "https://generativelanguage.googleapis.com"
    let keyScheme = CloudKeyScheme.header("x-goog-api-key")
    let pollSeconds = 10.0
    let check: CloudCall? = CloudCall(.get, "/v1beta/models")

    /// The preview's ids closed on that day.
    let models = VeoForm.models("preview", retiresOn: CalendarDay("2026-10-22")) { $0.sound = .always }

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        // Sound cannot be turned off here, and there is no field for it.
        CloudCall(
            .post, "/v1beta/models/\(order.wire):predictLongRunning", VeoForm.body(order, sound: nil, seed: nil))
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? {
        let start = "models/\(order.wire)/operations/"
        guard let name = answer.text("name"), name.hasPrefix(start) else { return nil }
        return CloudTicket(String(name.dropFirst(start.count)), places: ["operation": start])
    }

    func refusal(_ answer: CloudAnswer) -> ProviderError? { answer.isSuccess ? nil : GoogleRefusal.error(answer) }

    func look(_ ticket: CloudTicket) -> CloudCall {
        CloudCall(.get, "/v1beta/" + (ticket.places["operation"] ?? "") + ticket.id)
    }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        VeoForm.state(answer) { answer in
            answer.text("response", "generateVideoResponse", "generatedSamples", "0", "video", "uri")
                .map { CloudClip(source: .link($0, needsKey: true)) }
        }
    }
}

/// What the Gemini API has in the place of Veo since October 2026: interactions.
struct OmniCloud: Cloud {
    let name = "omni"
    let address = "https://generativelanguage.googleapis.com"
    let keyScheme = CloudKeyScheme.header("x-goog-api-key")
    let pollSeconds = 5.0

    let models = [("1.1", 3...10), ("1.2", 3...15)].map { version, lengths in
        let id = "gemini-omni-\(version)-flash"
        var model = CloudModel(
            id: id, wire: id, lengths: .whole(lengths),
            formats: [("720p", 720), ("360p", 360), ("1080p", 1080), ("4k", 2160)].map { name, side in
                CloudModel.Format(name: name, side: side)
            })
        model.sound = .always
        model.pictures = CloudModel.Pictures(takesFirst: true, maxBytes: 20 << 20)
        return model
    }

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        var input = JSONText.string(order.prompt)
        if let picture = order.first {
            let content: [JSONText] = [
                .object([
                    ("type", "image"), ("data", .string(Base64.encode(picture.bytes))),
                    ("mime_type", .string(picture.format.mediaType)),
                ]),
                .object([("type", "text"), ("text", .string(order.prompt))]),
            ]
            input = .array([.object([("type", "user_input"), ("content", .array(content))])])
        }
        let form = JSONText.object([
            ("type", "video"), ("aspect_ratio", .string(order.ratio.description)),
            ("resolution", .string(order.format.name)), ("duration", .string("\(order.seconds)s")), ("delivery", "uri"),
        ])
        return .post(
            "/v1/interactions",
            [("model", .string(order.wire)), ("input", input), ("background", true), ("response_format", form)])
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? { CloudTicket(answer.text("id")) }

    func refusal(_ answer: CloudAnswer) -> ProviderError? { answer.isSuccess ? nil : GoogleRefusal.error(answer) }

    func look(_ ticket: CloudTicket) -> CloudCall { CloudCall(.get, "/v1/interactions/\(ticket.id)") }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard answer.isSuccess, let status = answer.text("status") else { return .unreadable }
        switch status {
        case "queued": return .waiting
        case "in_progress": return .working(percent: nil)
        case "completed": return made(answer)
        case "budget_exceeded":
            return .failed(.quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds))
        case "failed", "cancelled", "incomplete":
            let code = answer.text("errors", "0", "code") ?? ""
            let words = answer.text("errors", "0", "message")?.printable ?? "the clip ended as \(status.printable)"
            return .failed(CloudRefusal.isPolicy(code) ? .contentPolicy(words) : .server(words))
        default: return .unreadable
        }
    }

    private func made(_ answer: CloudAnswer) -> CloudState {
        let outputs = (answer.value("steps")?.elements ?? []).filter {
            $0.value(at: ["type"])?.plainText == "model_output"
        }
        let parts = outputs.last?.value(at: ["content"])?.elements ?? []
        for part in parts where part.value(at: ["type"])?.plainText == "video" {
            if let link = part.value(at: ["uri"])?.plainText {
                return .done(CloudClip(source: .link(link, needsKey: true)))
            }
        }
        // A refusal in words instead of a clip.
        if let words = parts.compactMap({ $0.value(at: ["text"])?.plainText }).first {
            return .failed(.contentPolicy(words.printable))
        }
        return .failed(.corruptOutput("the cloud finished the clip and gave none"))
    }

    func cancel(_ ticket: CloudTicket) -> CloudCall? { CloudCall(.post, "/v1/interactions/\(ticket.id)/cancel") }
}
