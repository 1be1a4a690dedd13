import StrictJSON
import VideoTypes

/// A kept request as it lies on the disk.
struct StoredPromise: Codable {
    let promise: VideoPromise
    let provider: String?
    let model: String?
    let allowsPromise: Bool
    let request: VideoRequest
    /// 2 where extras are what they are; nil where each is a text that holds JSON.
    let version: Int?

    init(_ kept: KeptRequest) {
        promise = kept.promise
        provider = kept.options.provider
        model = kept.options.model
        allowsPromise = kept.options.allowsPromise
        request = kept.request
        version = 2
    }

    /// nil where an extra is no JSON.
    var kept: KeptRequest? {
        var request = request
        if version == nil {
            for (name, extra) in request.extras {
                guard case .string(let text) = extra, let value = try? JSONValue(Array(text.utf8)) else { return nil }
                request.extras[name] = JSONText(value)
            }
        }
        return KeptRequest(
            request: request, options: RoutingOptions(provider: provider, model: model, allowsPromise: allowsPromise),
            promise: promise)
    }
}

extension JSONText {
    /// The same value, to be written again.
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .number(let text):
            if let integer = Int(text) {
                self = .integer(integer)
            } else if let unsigned = UInt64(text) {
                self = .unsigned(unsigned)
            } else {
                self = .number(Double(text) ?? .nan)
            }
        case .string(let text): self = .string(text)
        case .array(let elements): self = .array(elements.map(JSONText.init))
        case .object(let members):
            self = .object(
                members.map { (String(decoding: $0, as: UTF8.self), JSONText($1)) }.sorted { $0.0 < $1.0 })
        }
    }
}
