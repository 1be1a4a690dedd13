import HTTPClient
import StrictJSON
import VideoTypes

/// What a cloud answered; what is not understood of it is passed over.
struct CloudAnswer: Sendable {
    let status: Int
    /// nil where the body is no JSON.
    let json: JSONValue?
    let http: HTTPAnswer

    init(_ answer: HTTPAnswer) {
        http = answer
        status = answer.status
        json = try? JSONValue(answer.body)
    }

    var isSuccess: Bool { http.isSuccess }

    func header(_ name: String) -> String? { http[name] }

    /// The value at the end of a path of names and numbers; nil where there is none, or null.
    func value(_ path: String...) -> JSONValue? { json?.value(at: path) }

    func text(_ path: String...) -> String? { json?.value(at: path)?.plainText }

    func number(_ path: String...) -> Double? { json?.value(at: path)?.plainNumber }

    /// When OpenAI's API wants to be asked again.
    var pollSeconds: Double? {
        guard let milliseconds = http["openai-poll-after-ms"].flatMap({ Double($0) }), milliseconds.isFinite else {
            return nil
        }
        return milliseconds / 1000
    }

    /// Seconds to wait, as the header says it.
    var retryAfterSeconds: Double? { RemoteRefusal.retryAfter(http) }
}

extension JSONValue {
    func value(at path: [String]) -> JSONValue? {
        var found = self
        for name in path {
            switch found {
            case .object(let members):
                guard let member = members[Array(name.utf8)] else { return nil }
                found = member
            case .array(let elements):
                guard let index = Int(name), elements.indices.contains(index) else { return nil }
                found = elements[index]
            default: return nil
            }
        }
        return found == .null ? nil : found
    }

    /// A text; numbers as they are written, for clouds write ids either way.
    var plainText: String? {
        switch self {
        case .string(let text): text
        case .number(let text): text
        default: nil
        }
    }

    /// A finite number, or a text that is one.
    var plainNumber: Double? {
        guard let number = plainText.flatMap({ Double($0) }), number.isFinite else { return nil }
        return number
    }

    var elements: [JSONValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }
}
