import Foundation

/// A file that the benchmark wrote, read by its keys.
struct JSONObject {
    private let value: Any

    init(path: String) throws {
        value = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
    }

    private init(value: Any) {
        self.value = value
    }

    subscript(_ key: String) -> JSONObject? {
        (value as? [String: Any])?[key].map { JSONObject(value: $0) }
    }

    var list: [JSONObject] { ((value as? [Any]) ?? []).map { JSONObject(value: $0) } }
    var number: Double? { (value as? NSNumber)?.doubleValue }
    var text: String? { value as? String }
    var keys: [String] { (value as? [String: Any])?.keys.sorted() ?? [] }
}
