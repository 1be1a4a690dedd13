import HTTPClient
import VideoTypes

/// A call to a cloud as plain values: it holds no key.
struct CloudCall: Sendable, Hashable {
    var method: HTTPCall.Method
    /// Below the cloud's address, or a whole address that the cloud named.
    var place: String
    var body = Body.none
    /// Sent with it, beside those of every call.
    var headers: [String: String] = [:]
    /// What is kept of the answer.
    var maxBytes = 1 << 20

    enum Body: Sendable, Hashable {
        case none
        case json(JSONText)
        case form([HTTPCall.FormPart])
    }

    init(_ method: HTTPCall.Method, _ place: String, _ body: Body = .none) {
        self.method = method
        self.place = place
        self.body = body
    }

    /// JSON of these members; what is nil is left out.
    static func post(_ place: String, _ members: [(String, JSONText?)]) -> CloudCall {
        CloudCall(.post, place, .json(.members(members)))
    }
}

extension JSONText {
    /// An object without the members that are nil.
    static func members(_ members: [(String, JSONText?)]) -> JSONText {
        .object(members.compactMap { name, value in value.map { (name, $0) } })
    }

    static func optional(_ text: String?) -> JSONText? { text.map(JSONText.string) }
}
