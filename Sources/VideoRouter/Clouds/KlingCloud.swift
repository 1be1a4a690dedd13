import HTTPClient
import StrictJSON
import VideoTypes

/// Kling's own API: the first generation with a signed token, the second with a plain key.
struct KlingCloud: Cloud {
    let name = "kling"
    let address = "https://api-singapore.klingai.com"
    let keyScheme = CloudKeyScheme.signedToken
    let pollSeconds = 5.0
    let models = [Self.first] + Self.second

    private static func isSecond(_ model: CloudModel) -> Bool { model.id != "kling-v3" }

    private static func isSecond(_ lost: LostOrder) -> Bool { lost.wire != "kling-v3" }

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        Self.isSecond(order.model) ? second(order) : first(order)
    }

    private func first(_ order: CloudOrder) -> CloudCall {
        let shots = order.shots.enumerated().map { index, shot in
            JSONText.object([
                ("index", .integer(index + 1)), ("prompt", .string(shot.prompt)),
                ("duration", .string("\(shot.seconds)")),
            ])
        }
        let story: [(String, JSONText?)] =
            shots.isEmpty
            ? [] : [("multi_shot", true), ("shot_type", "customize"), ("multi_prompt", .array(shots))]
        return .post(
            "/v1/videos/text2video",
            order.withExtras(
                story + [
                    ("model_name", .string(order.wire)), ("prompt", shots.isEmpty ? .string(order.prompt) : nil),
                    ("negative_prompt", JSONText.optional(order.negativePrompt)),
                    ("duration", .string("\(order.seconds)")),
                    ("mode", .string(["720p": "std", "1080p": "pro"][order.format.name] ?? "4k")),
                    ("sound", .string(order.hasSound ? "on" : "off")),
                    ("aspect_ratio", .string(order.ratio.description)),
                    ("external_task_id", .string(order.reference)),
                ]))
    }

    private func second(_ order: CloudOrder) -> CloudCall {
        let settings = JSONText.object([
            ("resolution", .string(order.format.name)), ("aspect_ratio", .string(order.ratio.description)),
            ("duration", .integer(order.seconds)), ("audio", .string(order.hasSound ? "native" : "off")),
        ])
        let options = JSONText.object([("external_task_id", .string(order.reference))])
        guard order.first != nil else {
            return .post(
                "/text-to-video/\(order.wire)",
                [("prompt", .string(order.prompt)), ("settings", settings), ("options", options)])
        }
        var contents = [JSONText.object([("type", "prompt"), ("text", .string(order.prompt))])]
        for (picture, kind) in [(order.first, "first_frame"), (order.last, "last_frame")] {
            guard let picture else { continue }
            contents.append(.object([("type", .string(kind)), ("url", .string(Base64.encode(picture.bytes)))]))
        }
        return .post(
            "/image-to-video/\(order.wire)",
            [("contents", .array(contents)), ("settings", settings), ("options", options)])
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? {
        Self.isSecond(order.model)
            ? CloudTicket(answer.text("data", "id"))
            : CloudTicket(answer.text("data", "task_id"), places: ["kind": "text2video"])
    }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        let code = answer.number("code").map { Int(min(max($0, -1), 1e6)) }
        if answer.isSuccess, code ?? 0 == 0 { return nil }
        let refusal = CloudRefusal(answer)
        switch code {
        case 1301, 1300: return .contentPolicy(refusal.message)
        case 1000, 1001, 1002, 1003, 1004, 1103, 1304: return .authentication("the cloud refuses the key")
        case 1100, 1101, 1102: return .quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds)
        case 1302: return .quota(retryAfterSeconds: refusal.retryAfterSeconds)
        case 1303, 5001: return .capacity(retryAfterSeconds: refusal.retryAfterSeconds)
        case 5002: return .timeout(refusal.message)
        case 1202, 1203: return .badRequest(refusal.message, parameter: "model")
        case 1200, 1201: return .badRequest(refusal.message, parameter: nil)
        default: return refusal.providerError
        }
    }

    func look(_ ticket: CloudTicket) -> CloudCall {
        guard let kind = ticket.places["kind"] else { return CloudCall(.get, "/tasks?task_ids=\(ticket.id)") }
        return CloudCall(.get, "/v1/videos/\(kind)/\(ticket.id)")
    }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard refusal(answer) == nil, let task = Self.task(answer) else { return .unreadable }
        func word(_ path: String...) -> String? { task.value(at: path)?.plainText }
        let link = word("task_result", "videos", "0", "url") ?? word("outputs", "0", "url")
        switch word("task_status") ?? word("status") {
        case "submitted": return .waiting
        case "processing": return .working(percent: nil)
        case "succeed", "succeeded":
            guard let link else { return .failed(.corruptOutput("the cloud finished the clip and gave none")) }
            return .done(CloudClip(source: .link(link, needsKey: false), dollars: Self.dollars(task)))
        case "failed": return .failed(Self.failure(word("task_status_msg") ?? word("message")))
        default: return .unreadable
        }
    }

    /// One object, a list, or a list inside: all three are reported.
    private static func task(_ answer: CloudAnswer) -> JSONValue? {
        answer.value("data", "0") ?? answer.value("data", "result", "0") ?? answer.value("data")
    }

    private static func dollars(_ task: JSONValue) -> Double? {
        let bills = task.value(at: ["billing"])?.elements ?? []
        guard !bills.isEmpty, bills.allSatisfy({ $0.value(at: ["currency"])?.plainText == "USD" }) else { return nil }
        let amounts = bills.compactMap { $0.value(at: ["amount"])?.plainNumber }
        guard amounts.count == bills.count, amounts.allSatisfy({ (0...10_000).contains($0) }) else { return nil }
        return amounts.reduce(0, +)
    }

    private static func failure(_ words: String?) -> ProviderError {
        let text = words?.printable ?? "the clip failed"
        let lower = text.lowercased()
        if lower.contains("risk control") || lower.contains("sensitive") { return .contentPolicy(text) }
        if lower.contains("busy") { return .capacity(retryAfterSeconds: nil) }
        if lower.contains("timeout") { return .timeout(text) }
        return lower.contains("invalid") ? .badRequest(text, parameter: nil) : .server(text)
    }

    /// The only cloud that knows an order by our own name.
    func search(_ lost: LostOrder) -> CloudCall? {
        CloudCall(
            .get,
            Self.isSecond(lost)
                ? "/tasks?external_task_ids=\(lost.reference)" : "/v1/videos/text2video/\(lost.reference)")
    }

    func found(_ answer: CloudAnswer, _ lost: LostOrder) -> CloudSearch {
        if [1202, 1203].contains(answer.number("code").map { Int($0) } ?? 0) { return .neverArrived }
        guard refusal(answer) == nil, let task = Self.task(answer) else { return .unknown }
        if case .array(let tasks) = task, tasks.isEmpty { return .neverArrived }
        let isSecond = Self.isSecond(lost)
        let id = task.value(at: [isSecond ? "id" : "task_id"])?.plainText
        guard let ticket = CloudTicket(id, places: isSecond ? [:] : ["kind": "text2video"]) else { return .unknown }
        return .candidates([ticket])
    }
}

// What it makes.
extension KlingCloud {
    private static let formats = [("720p", 720), ("1080p", 1080), ("4k", 2160)].map { name, side in
        CloudModel.Format(name: name, side: side)
    }

    private static func model(_ id: String, _ wire: String) -> CloudModel {
        var model = CloudModel(
            id: id, wire: wire, lengths: .whole(3...15), formats: formats, ratios: [.landscape, .portrait, .square])
        model.sound = .chosen
        model.promptLimit = .init(count: 2500, unit: .characters)
        return model
    }

    /// From words alone: an order from a picture could not be told from one that never came.
    private static let first: CloudModel = {
        var model = Self.model("kling-v3", "kling-v3")
        model.takes = [.negativePrompt]
        model.mostShots = 6
        model.extras = ["cfg_scale", "watermark_info"]
        return model
    }()

    private static let second = ["kling-3.0", "kling-3.0-turbo", "kling-4.0"].map { id in
        var model = Self.model(id, id)
        model.pictures = .init(
            takesFirst: true, takesLast: true, formats: [.png, .jpeg], maxBytes: 10 << 20, giveRatio: true)
        model.qualities = id.hasSuffix("turbo") ? [.draft] : [.standard, .premium]
        return model
    }
}
