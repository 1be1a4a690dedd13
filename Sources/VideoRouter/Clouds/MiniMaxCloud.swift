import HTTPClient
import StrictJSON
import VideoTypes

/// MiniMax: version 1 of its API makes Hailuo's clips, version 2 those of H3.
struct MiniMaxCloud: Cloud {
    let name = "minimax"
    let address = "https://api.minimax.io"
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let pollSeconds = 5.0
    let models = Self.hailuo + Self.h3

    private static func isSecond(_ model: CloudModel) -> Bool { model.id.hasPrefix("MiniMax-H3") }

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        guard Self.isSecond(order.model) else {
            return .post(
                "/v1/video_generation",
                order.withExtras([
                    ("model", .string(order.wire)), ("prompt", .string(order.prompt)),
                    ("duration", .integer(order.seconds)), ("resolution", .string(order.format.name)),
                    ("first_frame_image", JSONText.optional(order.first?.dataURI)),
                    ("last_frame_image", JSONText.optional(order.last?.dataURI)),
                ]))
        }
        var content = [JSONText.object([("type", "text"), ("text", .string(order.prompt))])]
        if let picture = order.first { content.append(Self.item(picture, "first_frame")) }
        if let picture = order.last { content.append(Self.item(picture, "last_frame")) }
        content += order.references.map { Self.item($0, "reference_image") }
        return .post(
            "/v2/video_generation",
            order.withExtras([
                ("model", .string(order.wire)), ("content", .array(content)),
                ("resolution", .string(order.format.name)), ("duration", .integer(order.seconds)),
                ("ratio", .string(order.hasPictures ? "adaptive" : order.ratio.description)),
            ]))
    }

    private static func item(_ picture: ReferenceImage, _ role: String) -> JSONText {
        .object([
            ("type", "image_url"), ("role", .string(role)),
            ("image_url", .object([("url", .string(picture.dataURI))])),
        ])
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? {
        CloudTicket(answer.text("task_id"), places: ["version": Self.isSecond(order.model) ? "2" : "1"])
    }

    /// Version 1 says everything with status 200.
    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        if let code = answer.number("base_resp", "status_code") {
            return code == 0 ? nil : Self.error(Int(code), answer.text("base_resp", "status_msg"), answer)
        }
        guard !answer.isSuccess else { return nil }
        let words = answer.text("error", "message") ?? ""
        guard let code = Self.code(in: words) else { return CloudRefusal(answer).providerError }
        return Self.error(code, words, answer)
    }

    /// Of words like "insufficient balance (1008)".
    private static func code(in words: String) -> Int? {
        guard words.hasSuffix(")"), let start = words.lastIndex(of: "(") else { return nil }
        return Int(words[words.index(after: start)...].dropLast())
    }

    private static func error(_ code: Int, _ words: String?, _ answer: CloudAnswer?) -> ProviderError {
        let text = words?.printable ?? "the cloud answered with code \(code)"
        switch code {
        case 1026, 1027: return .contentPolicy(text)
        case 1004, 2049: return .authentication("the cloud refuses the key")
        case 1008, 2056: return .quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds)
        case 1002: return .quota(retryAfterSeconds: answer?.retryAfterSeconds)
        case 1041: return .capacity(retryAfterSeconds: answer?.retryAfterSeconds)
        case 1001: return .timeout(text)
        case 1042: return .badRequest(text, parameter: "prompt")
        case 2013:
            // "invalid params, duration"
            let field = text.split(separator: ",").last.map { $0.drop { $0 == " " } }.map(String.init)
            return .badRequest(text, parameter: field.flatMap { $0.contains(" ") ? nil : $0 })
        default: return .server(text)
        }
    }

    func look(_ ticket: CloudTicket) -> CloudCall {
        ticket.places["version"] == "2"
            ? CloudCall(.get, "/v2/query/video_generation/\(ticket.id)")
            : CloudCall(.get, "/v1/query/video_generation?task_id=\(ticket.id)")
    }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        if ticket.places["version"] == "2" { return second(answer) }
        if let link = answer.text("file", "download_url") {
            return .done(CloudClip(source: .link(link, needsKey: false)))
        }
        let refused = refusal(answer)
        guard answer.isSuccess, let status = answer.text("status") else { return .unreadable }
        switch status {
        case "Preparing", "Queueing": return .waiting
        case "Processing": return .working(percent: nil)
        case "Success":
            guard let file = answer.text("file_id"), CloudTicket.isPlain(file) else {
                return .failed(.corruptOutput("the cloud finished the clip and gave none"))
            }
            return .ask(CloudCall(.get, "/v1/files/retrieve?file_id=\(file)"))
        case "Fail": return .failed(refused ?? .server("the clip failed"))
        default: return .unreadable
        }
    }

    private func second(_ answer: CloudAnswer) -> CloudState {
        guard answer.isSuccess, let status = answer.text("task", "status") else { return .unreadable }
        switch status {
        case "queued": return .waiting
        case "running": return .working(percent: nil)
        case "succeeded":
            guard let link = answer.text("task", "content", "url") else {
                return .failed(.corruptOutput("the cloud finished the clip and gave none"))
            }
            return .done(CloudClip(source: .link(link, needsKey: false)))
        case "cancelled": return .failed(.server("the cloud cancelled the clip"))
        case "failed":
            let code = answer.number("task", "error", "code").map { Int(min(max($0, 0), 1e6)) } ?? 0
            return .failed(Self.error(code, answer.text("task", "error", "message"), nil))
        default: return .unreadable
        }
    }

    /// Only version 2 stops anything.
    func cancel(_ ticket: CloudTicket) -> CloudCall? {
        ticket.places["version"] == "2" ? CloudCall(.delete, "/v2/video_generation/\(ticket.id)") : nil
    }
}

// What it makes.
extension MiniMaxCloud {
    private static let p768 = CloudModel.Format(
        name: "768P", side: 768, sizes: [.landscape: .init(width: 1366, height: 768)])

    private static let hailuo = ["", "-Fast"].map { kind in
        let id = "MiniMax-Hailuo-2.3\(kind)"
        var model = CloudModel(
            id: id, wire: id, lengths: .listed([6, 10]),
            formats: [p768, CloudModel.Format(name: "1080P", side: 1080, lengths: [6])], ratios: [.landscape])
        model.promptLimit = .init(count: 2000, unit: .characters)
        model.pictures = .init(
            takesFirst: true, needsFirst: !kind.isEmpty, maxBytes: 20 << 20, giveRatio: true)
        model.extras = ["prompt_optimizer", "fast_pretreatment", "aigc_watermark"]
        model.qualities = kind.isEmpty ? [.standard, .premium] : [.draft]
        return model
    }

    private static let h3 = [h3("MiniMax-H3", ("2K", 1440)), h3("MiniMax-H3-Max", ("480P", 480))]

    private static func h3(_ id: String, _ other: (name: String, side: Int)) -> CloudModel {
        var model = CloudModel(
            id: id, wire: id, lengths: .whole(4...15),
            formats: [
                CloudModel.Format(name: "768P", side: 768), CloudModel.Format(name: other.name, side: other.side),
            ],
            ratios: [
                .landscape, .portrait, .square, AspectRatio(width: 4, height: 3), AspectRatio(width: 3, height: 4),
                AspectRatio(width: 21, height: 9),
            ])
        model.sound = .always
        model.pictures = .init(
            takesFirst: true, takesLast: true, references: 9, referencesStandAlone: true, maxBytes: 20 << 20,
            giveRatio: true)
        model.extras = ["aigc_watermark"]
        return model
    }
}
