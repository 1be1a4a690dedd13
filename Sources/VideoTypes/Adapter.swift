/// A LoRA that somebody wants laid over a model: as a text `[high=|low=|both=]NAME[:STRENGTH][@FROM-TO]`.
public struct AdapterChoice: Sendable, Hashable, Codable {
    /// The path of its file; in a service, a name of its list.
    public var name: String
    /// 1 is as it was trained, 0 nothing; it may be negative.
    public var strength: Double
    /// Of a model with two experts; nil leaves it to the file's name.
    public var expert: AdapterExpert?
    /// Those that it serves, the first is 1; nil for all.
    public var steps: ClosedRange<Int>?

    public init(_ name: String, strength: Double = 1, expert: AdapterExpert? = nil, steps: ClosedRange<Int>? = nil) {
        self.name = name
        self.strength = strength
        self.expert = expert
        self.steps = steps
    }
}

/// Which of a model's experts an adapter is for.
public enum AdapterExpert: String, Sendable, Hashable, CaseIterable, Codable {
    /// Of high noise, who begins.
    case high
    /// Of low noise, who ends.
    case low
    case both

    /// Whether it is for the first (0) or the second expert (1).
    package func includes(_ expert: Int) -> Bool { self == .both || self == (expert == 0 ? .high : .low) }
}

extension AdapterChoice: LosslessStringConvertible {
    public init?(_ text: String) {
        var rest = text[...]
        for expert in AdapterExpert.allCases where rest.hasPrefix(expert.rawValue + "=") {
            self.expert = expert
            rest = rest.dropFirst(expert.rawValue.count + 1)
            break
        }
        if let at = rest.lastIndex(of: "@"), let steps = Self.steps(rest[rest.index(after: at)...]) {
            self.steps = steps
            rest = rest[..<at]
        }
        strength = 1
        // A colon may belong to the name.
        if let colon = rest.lastIndex(of: ":"), let number = Double(rest[rest.index(after: colon)...]) {
            strength = number
            rest = rest[..<colon]
        }
        guard !rest.isEmpty else { return nil }
        name = String(rest)
    }

    /// "1-4", "5-" or "3".
    private static func steps(_ text: Substring) -> ClosedRange<Int>? {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let limits = VideoRequest.Limits.steps
        guard let first = Int(parts[0]), limits.contains(first) else { return nil }
        guard parts.count == 2 else { return first...first }
        guard !parts[1].isEmpty else { return first...limits.upperBound }
        return Int(parts[1]).flatMap { (first...limits.upperBound).contains($0) ? first...$0 : nil }
    }

    public var description: String {
        (expert.map { "\($0.rawValue)=" } ?? "") + name + (strength == 1 ? "" : ":\(strength)")
            + (steps.map { "@\($0.lowerBound)-\($0.upperBound)" } ?? "")
    }
}

/// A LoRA that a clip is made with: settings name it, its file lies elsewhere.
public struct AdapterInput: Sendable, Hashable, Codable {
    /// Of its file, without folders and ending.
    public let name: String
    /// SHA-256 of the file, in hexadecimal.
    public let digest: String
    public let strength: Double
    /// Whose weights it changes; both where there is only one.
    public let expert: AdapterExpert
    /// Those that it serves, the first is 1; nil for all.
    public let steps: ClosedRange<Int>?
    /// Of its file; nil in settings of older versions.
    public let bytes: Int?

    public init(
        name: String, digest: String, strength: Double, expert: AdapterExpert = .both,
        steps: ClosedRange<Int>? = nil, bytes: Int? = nil
    ) {
        self.name = name
        self.digest = digest
        self.strength = strength
        self.expert = expert
        self.steps = steps
        self.bytes = bytes
    }

    /// Whether it takes part in step `index`, the first being 0.
    package func serves(step index: Int) -> Bool { steps?.contains(index + 1) ?? true }
}

/// What of a LoRA a model had a place for.
public struct AdapterReport: Sendable, Hashable, Codable {
    public let name: String
    /// Tensors of the model that it changed, of all its experts.
    public let changed: Int
    /// Parts of the file that the model has no place for, as the file names them.
    public let unmatched: [String]

    public init(name: String, changed: Int, unmatched: [String]) {
        self.name = name
        self.changed = changed
        self.unmatched = unmatched
    }
}
