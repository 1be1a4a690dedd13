import Crypto
import VideoTypes

/// How a cloud is shown a key.
enum CloudKeyScheme: Sendable, Hashable {
    /// `Authorization: Bearer …`, or another word.
    case authorization(word: String)
    case header(String)
    /// A token signed for each call with a secret (HS256), beside a plain key.
    case signedToken
}

/// A cloud's key: no description, dump or mirror shows it.
struct CloudKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let scheme: CloudKeyScheme
    private let key: RemoteKey
    private let secret: RemoteKey?
    /// Read anew for every call: whoever keeps it fresh writes another one there.
    private let freshFile: String?

    /// - Parameter keepsFresh: whether a file is read anew for each call, as tokens that expire are.
    init(
        _ source: RemoteProviderOptions.Key, secret: RemoteProviderOptions.Key?, scheme: CloudKeyScheme,
        keepsFresh: Bool
    ) throws(RouterError) {
        guard secret == nil || scheme == .signedToken else {
            throw RouterError(.configuration, "this cloud's key has no secret beside it; leave the secret out")
        }
        self.scheme = scheme
        key = try RemoteKey(source)
        if let secret { self.secret = try RemoteKey(secret) } else { self.secret = nil }
        if keepsFresh, case .file(let path) = source { freshFile = path } else { freshFile = nil }
    }

    /// - Parameter time: seconds since 1970.
    func header(at time: Double) throws(ProviderError) -> (name: String, value: String) {
        switch scheme {
        case .authorization(let word): return ("Authorization", word + " " + (try fresh()).value)
        case .header(let name): return (name, try fresh().value)
        case .signedToken:
            guard let secret else { return ("Authorization", "Bearer " + key.value) }
            return ("Authorization", "Bearer " + (try Self.token(key.value, secret.value, at: time)))
        }
    }

    private func fresh() throws(ProviderError) -> RemoteKey {
        guard let freshFile else { return key }
        do throws(RouterError) {
            return try RemoteKey(.file(freshFile))
        } catch {
            throw .authentication(error.message)
        }
    }

    /// Whether a text holds the key, its secret or a token made of them.
    func isIn(_ text: String) -> Bool {
        if text.contains(Self.tokenHead) || key.isIn(text) || secret?.isIn(text) == true { return true }
        guard freshFile != nil, let now = try? fresh() else { return false }
        return now.isIn(text)
    }

    /// Good for half an hour, and for clocks that go five seconds apart.
    private static func token(_ key: String, _ secret: String, at time: Double) throws(ProviderError) -> String {
        let now = Int(time)
        let claims = JSONText.object([
            ("iss", .string(key)), ("exp", .integer(now + 1800)), ("nbf", .integer(now - 5)),
        ])
        let head = tokenHead + "." + base64URL(Array(claims.description.utf8))
        do throws(CryptoError) {
            return head + "." + base64URL(try HMACSHA256.digest(key: Array(secret.utf8), bytes: Array(head.utf8)))
        } catch {
            throw .local(error.videoError.message)
        }
    }

    private static let tokenHead = base64URL(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))

    private static func base64URL(_ bytes: [UInt8]) -> String {
        Base64.encode(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    var description: String { "a key" }
    var debugDescription: String { "a key" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
