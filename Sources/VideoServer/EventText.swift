import JobStore
import StrictJSON
import VideoTypes

/// Reads what the journal keeps of an event.
enum EventText {
    static func progress(_ event: JobEvent) -> VideoProgress? {
        guard event.kind == .progress, let members = members(event), let completed = integer(members, "completed"),
            let total = integer(members, "total"), let name = string(members, "stage"),
            let stage = VideoProgress.Stage(rawValue: name)
        else { return nil }
        return VideoProgress(stage: stage, completed: completed, total: total)
    }

    static func isFinal(_ event: JobEvent) -> Bool { event.kind == .completed || event.kind == .failed }

    private static func members(_ event: JobEvent) -> [[UInt8]: JSONValue]? {
        guard let value = try? JSONValue(Array(event.text.utf8)), case .object(let members) = value else { return nil }
        return members
    }

    private static func integer(_ members: [[UInt8]: JSONValue], _ name: String) -> Int? {
        if case .number(let text)? = members[Array(name.utf8)] { Int(text) } else { nil }
    }

    private static func string(_ members: [[UInt8]: JSONValue], _ name: String) -> String? {
        if case .string(let text)? = members[Array(name.utf8)] { text } else { nil }
    }
}
