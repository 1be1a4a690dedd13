import Compute
package import HTTPClient
import VideoTypes
import Weights

/// Which hub is asked, as whom, and where what comes is kept.
package struct HubSettings: Sendable {
    package var endpoint: WebAddress
    package var token: String?
    /// Where pulled models are kept.
    package var root: String
    /// Where other programs keep theirs; looked at, never written.
    package var cache: String?
    /// The variable that forbids to ask the hub.
    package var offlineVariable: String?

    package var connections = 4
    /// What one call asks for at most.
    package var segmentBytes = 128 << 20
    package var connectSeconds = 10.0
    /// The longest time without a byte.
    package var idleSeconds = 30.0
    /// Attempts in a row that bring no byte.
    package var attempts = 6
    /// Before the second of them; each further one waits twice as long.
    package var pauseSeconds = 1.0
    /// The longest wait that a server may ask for.
    package var longestPause = 300.0
    /// What stays free on the disk.
    package var spareBytes = 256 << 20

    package init(endpoint: WebAddress, token: String? = nil, root: String, cache: String? = nil) {
        self.endpoint = endpoint
        self.token = token
        self.root = root
        self.cache = cache
    }

    /// As the environment says it, in the words of Hugging Face's own programs.
    package init(_ environment: [String: String]) throws(HubError) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func folder(_ name: String) -> String? { value(name).flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let home = folder("HOME")
        let cacheHome = folder("XDG_CACHE_HOME") ?? home.map { $0 + "/.cache" }
        let hubHome = folder("HF_HOME") ?? cacheHome.map { $0 + "/huggingface" }
        let dataHome = folder("XDG_DATA_HOME") ?? home.map { $0 + "/.local/share" }
        guard let root = folder("WAN_INFER_MODELS") ?? dataHome.map({ $0 + "/wan-infer/models" }) else {
            throw .noFolder
        }
        let text = value("HF_ENDPOINT") ?? "https://huggingface.co"
        guard let endpoint = try? WebAddress(text.hasSuffix("/") ? String(text.dropLast()) : text) else {
            throw .setting(name: "HF_ENDPOINT", found: text, rule: "the address of a hub, as https://huggingface.co")
        }
        let cache = folder("HF_HUB_CACHE") ?? folder("HUGGINGFACE_HUB_CACHE") ?? hubHome.map { $0 + "/hub" }
        self.init(endpoint: endpoint, root: root, cache: cache)
        offlineVariable =
            value("HF_HUB_OFFLINE").map { ["1", "ON", "YES", "TRUE"].contains($0.uppercased()) } == true
            ? "HF_HUB_OFFLINE" : nil
        token = try Self.token(environment, standardFile: hubHome.map { $0 + "/token" })
    }

    private static func token(
        _ environment: [String: String], standardFile: String?
    ) throws(HubError) -> String? {
        for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
            if let token = try checked(environment[name] ?? "", name) { return token }
        }
        let named = environment["HF_TOKEN_PATH"].flatMap { $0.isEmpty ? nil : $0 }
        guard let path = named ?? standardFile else { return nil }
        do throws(WeightError) {
            let bytes = try MappedFile.open(path)
            guard bytes.count <= 4096 else { throw .fileTooLarge(file: path, bytes: bytes.count, limit: 4096) }
            return try checkedFile(String(decoding: bytes.copied, as: UTF8.self), path)
        } catch {
            switch error {
            case .fileMissing, .emptyFile: if named == nil { return nil }
            default: break
            }
            throw .failed(error.videoError)
        }
    }

    private static func checkedFile(_ text: String, _ path: String) throws(WeightError) -> String? {
        do throws(HubError) {
            return try checked(text, path)
        } catch {
            throw .config(file: path, field: "", value: "something else", rule: "a token on one line")
        }
    }

    /// What a header can carry; nil for nothing.
    private static func checked(_ text: String, _ name: String) throws(HubError) -> String? {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard let token = words.first else { return nil }
        guard words.count == 1, token.utf8.count <= 1024, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            // Not the value: it is a secret.
            throw .setting(name: name, found: "something else", rule: "one token of plain characters")
        }
        return String(token)
    }
}
