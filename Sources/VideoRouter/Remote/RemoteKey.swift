import Crypto
import Glibc

/// A key that no description, dump or mirror shows.
struct RemoteKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    private static let maxBytes = 4096

    init(_ source: RemoteProviderOptions.Key) throws(RouterError) {
        switch source {
        case .file(let path): text = try Self.checked(Self.bytes(of: path), "the key file \(path)")
        case .environment(let name):
            guard let value = unsafe getenv(name) else {
                throw RouterError(.configuration, "the environment variable \(name) is not set")
            }
            text = try Self.checked(Array(unsafe String(cString: value).utf8), "the environment variable \(name)")
        }
    }

    var header: (name: String, value: String) { ("Authorization", "Bearer " + text) }

    /// The key itself, for a header.
    var value: String { text }

    func isIn(_ message: String) -> Bool { message.contains(text) }

    var description: String { "a key" }
    var debugDescription: String { "a key" }
    var customMirror: Mirror { Mirror(self, children: []) }

    private static func checked(_ bytes: [UInt8], _ name: String) throws(RouterError) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        let key = Array(bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        guard !key.isEmpty, key.count <= maxBytes, key.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw RouterError(.configuration, "\(name) holds no key: one word of printable ASCII")
        }
        return String(decoding: key, as: UTF8.self)
    }

    private static func bytes(of path: String) throws(RouterError) -> [UInt8] {
        do throws(SecretFile.Refusal) {
            return Array(try SecretFile.text(path, maxBytes: maxBytes).utf8)
        } catch {
            throw RouterError(.configuration, "the key file \(path) \(error.reason); \(error.remedy)")
        }
    }
}
