import StrictJSON
import VideoTypes

/// A Video object as a server shows it; what is not understood is passed over.
struct RemoteVideo {
    let id: String
    let state: State
    /// 0 to 100.
    let percent: Int
    let step: VideoProgress?
    let model: String?
    let costDollars: Double?
    let metadata: [String: JSONText]

    enum State: Equatable {
        case queued
        case working
        case completed
        case failed(ProviderError)
    }

    init(_ body: [UInt8], key: CloudKey?) throws(ProviderError) {
        guard let value = try? JSONValue(body), let fields = try? JSONFields(value),
            let id = try? fields.string("id"), CloudTicket.isPlain(id), let status = try? fields.string("status")
        else { throw .server("the server's answer is not a video object") }
        self.id = id
        state = Self.state(status, fields, key)
        percent = (try? fields.number("progress")).map { Int(min(max($0, 0), 100)) } ?? 0
        step = Self.step(fields)
        model = (try? fields.string("model"))?.printable
        costDollars = try? fields.number("cost_dollars", in: 0...1e9)
        metadata = Self.metadata(fields, key)
    }

    private static func state(_ status: String, _ fields: JSONFields, _ key: CloudKey?) -> State {
        switch status {
        case "queued", "pending": return .queued
        case "in_progress", "processing", "running": return .working
        case "completed", "succeeded": return .completed
        case "cancelled", "canceled", "deleted": return .failed(.cancelled)
        default: return .failed(failure(fields, key))
        }
    }

    private static func failure(_ fields: JSONFields, _ key: CloudKey?) -> ProviderError {
        let error = try? fields.fields("error")
        let code = (error.flatMap { try? $0.string("code") }) ?? ""
        let said = error.flatMap { try? $0.string("message") }
        let message =
            said.flatMap { key?.isIn($0) == true ? nil : $0.printable } ?? "the server could not make the clip"
        if code == "cancelled" { return .cancelled }
        if RemoteRefusal.isPolicy(code) { return .contentPolicy(message) }
        return code.hasPrefix("invalid") ? .badRequest(message, parameter: nil) : .server(message)
    }

    private static func step(_ fields: JSONFields) -> VideoProgress? {
        guard let name = try? fields.string("stage"), let stage = VideoProgress.Stage(rawValue: name),
            let completed = try? fields.integer("step", in: 0...1_000_000),
            let total = try? fields.integer("steps_total", in: 0...1_000_000)
        else { return nil }
        return VideoProgress(stage: stage, completed: completed, total: total)
    }

    /// What is worth keeping of what the server says.
    private static func metadata(_ fields: JSONFields, _ key: CloudKey?) -> [String: JSONText] {
        var found: [String: JSONText] = [:]
        for name in ["seed", "fps", "num_inference_steps", "guidance_scale", "gpu_seconds", "energy_joules"] {
            guard case .number(let text)? = fields.value(name) else { continue }
            found[name] =
                if let integer = Int(text) { .integer(integer) } else { .number(Double(text) ?? .nan) }
        }
        for name in ["size", "seconds", "quality", "sha256"] {
            guard let text = try? fields.string(name), key?.isIn(text) != true else { continue }
            found[name] = .string(text.printable)
        }
        return found
    }
}
