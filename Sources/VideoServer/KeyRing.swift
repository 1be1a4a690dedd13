import Crypto
import Synchronization
import VideoTypes

/// Who may ask: the keys of a file, of which only digests are kept.
struct KeyRing: Sendable {
    /// Who has shown a good key, or is let in without one.
    struct Owner: Sendable, Equatable {
        /// nil where no keys are asked for.
        let name: String?
    }

    static let minKeyBytes = 16
    private static let maxFileBytes = 1 << 20

    private let keys: [(name: String, digest: [UInt8])]

    static let open = KeyRing(keys: [])

    private init(keys: [(name: String, digest: [UInt8])]) { self.keys = keys }

    var asksForKeys: Bool { !keys.isEmpty }

    /// Reads lines of a name and a key; a single key may stand alone.
    init(path: String) throws(VideoError) {
        let text = try SecretFile.text(path, what: "key file", maxBytes: Self.maxFileBytes)
        try self.init(text: text)
    }

    init(text: String) throws(VideoError) {
        var keys: [(name: String, digest: [UInt8])] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated()
        {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            let name = words.count == 2 ? String(first) : "default"
            guard words.count <= 2, let key = words.last, key.utf8.count >= Self.minKeyBytes, Self.isName(name) else {
                throw .invalid(
                    "line \(index + 1) of the key file is not a name and a key of at least \(Self.minKeyBytes) bytes",
                    hint: "example: echo \"alice $(openssl rand -hex 32)\"")
            }
            guard !keys.contains(where: { $0.name == name }) else {
                throw .invalid("line \(index + 1) of the key file has a name that is taken", hint: "name every key")
            }
            let digest = try Self.digest(Array(key.utf8))
            // Whose clips they are would depend on the order of the lines.
            if let other = keys.first(where: { $0.digest == digest }) {
                throw .invalid(
                    "line \(index + 1) of the key file gives \(name) the key of \(other.name)",
                    hint: "give everybody a key of their own")
            }
            keys.append((name, digest))
        }
        guard !keys.isEmpty else { throw .invalid("the key file holds no key", hint: "openssl rand -hex 32 makes one") }
        self.keys = keys
    }

    private static func isName(_ name: String) -> Bool {
        name.utf8.count <= 64
            && name.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains($0))
            }
    }

    private static func digest(_ bytes: [UInt8]) throws(VideoError) -> [UInt8] {
        do throws(CryptoError) {
            return try SHA256.digest(bytes)
        } catch {
            throw error.videoError
        }
    }

    /// Whose key the header shows; every key is compared, whichever fits.
    func owner(authorization: String?) throws(VideoError) -> Owner? {
        guard asksForKeys else { return Owner(name: nil) }
        let words = (authorization ?? "").split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        let shown = try Self.digest(Array(words[1].utf8))
        var found: Owner?
        for key in keys where ConstantTime.equal(key.digest, shown) { found = Owner(name: key.name) }
        return found
    }
}

/// The keys that are good now: the file may be read again while the service is at work.
final class CurrentKeys: Sendable {
    private let ring: Mutex<KeyRing>

    init(_ ring: KeyRing) { self.ring = Mutex(ring) }

    func replace(_ ring: KeyRing) { self.ring.withLock { $0 = ring } }

    func owner(authorization: String?) throws(VideoError) -> KeyRing.Owner? {
        try ring.withLock { $0 }.owner(authorization: authorization)
    }
}

extension SecretFile {
    /// - Parameter what: the file is for, in messages.
    static func text(_ path: String, what: String, maxBytes: Int = 4096) throws(VideoError) -> String {
        do throws(Refusal) {
            return try text(path, maxBytes: maxBytes)
        } catch {
            throw .invalid("the \(what) \(path) \(error.reason)", hint: Wording(plain: error.remedy))
        }
    }
}
