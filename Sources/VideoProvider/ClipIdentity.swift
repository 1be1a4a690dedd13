import FoundationEssentials
import Pipelines
import VideoTypes

/// All that the latents of a clip depend on.
struct ClipIdentity: Codable, Equatable {
    let version: String
    let model: String
    /// Of the model's weights.
    let fingerprint: String
    let backend: String
    /// Of activations.
    let dtype: String
    /// Latents do not depend on how they are decoded: that is as if nobody had asked for tiles.
    let settings: VideoSettings

    init(
        version: String = Version.text, model: String, fingerprint: String, backend: String, dtype: String,
        settings: VideoSettings
    ) {
        self.version = version
        self.model = model
        self.fingerprint = fingerprint
        self.backend = backend
        self.dtype = dtype
        var settings = settings
        settings.tilesVAE = false
        self.settings = settings
    }

    /// The same text for the same identity, in every process.
    func text() throws(VideoError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        do {
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        } catch {
            throw VideoError(.internalError, "settings cannot be written: \(error)", hint: "please report this")
        }
    }

    /// nil for a text that is none.
    init?(_ text: String) {
        guard let identity = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else { return nil }
        self = identity
    }

    /// What another identity says otherwise, each in a few words.
    ///
    /// - Parameter there: where the other one is.
    func differences(from other: ClipIdentity, _ there: String = "there") -> [String] {
        let other = other.facts
        return facts.compactMap { fact in
            let found = other.first { $0.name == fact.name }?.value ?? "nothing"
            guard found != fact.value else { return nil }
            let (far, near) = (Self.short(found, besides: fact.value), Self.short(fact.value, besides: found))
            return "\(fact.name) is \(far) \(there) and \(near) here"
        }
    }

    private var facts: [(name: String, value: String)] {
        let settings = settings
        var fields: [(name: String, value: String)] = settings.jsonFields.map { ($0.0, "\($0.1)") }
        // Where there are none the fields are missing.
        if settings.inputs.isEmpty { fields.append(("inputs", "none")) }
        if settings.adapters.isEmpty { fields.append(("loras", "none")) }
        let own: [(name: String, value: String)] = [
            ("version", version), ("model", model), ("fingerprint of the weights", fingerprint), ("device", backend),
            ("dtype", dtype),
        ]
        return own + fields
    }

    /// Of a long text what begins shortly before the first difference.
    private static func short(_ text: String, besides other: String) -> String {
        let (most, before) = (60, 15)
        guard text.count > most else { return text }
        let same = zip(text, other).prefix { $0 == $1 }.count
        let start = max(0, min(same - before, text.count - most))
        let isCut = start + most < text.count
        return "\(start > 0 ? "…" : "")\(text.dropFirst(start).prefix(most))\(isCut ? "…" : "")"
    }
}
