/// A part of a clip with words of its own, behind a cut.
public struct Shot: Sendable, Hashable, Codable {
    public var prompt: String
    public var durationSeconds: Double

    public init(_ prompt: String, durationSeconds: Double) {
        self.prompt = prompt
        self.durationSeconds = durationSeconds
    }
}

extension Shot: LosslessStringConvertible {
    /// "3: a door opens".
    public var description: String {
        let isWhole = durationSeconds == durationSeconds.rounded() && abs(durationSeconds) < 1e6
        return "\(isWhole ? "\(Int(durationSeconds))" : "\(durationSeconds)"): \(prompt)"
    }

    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let seconds = Double(parts[0]), seconds.isFinite, seconds > 0 else { return nil }
        let prompt = String(parts[1].drop { $0 == " " })
        guard prompt.contains(where: { !$0.isWhitespace }) else { return nil }
        self.init(prompt, durationSeconds: seconds)
    }
}
