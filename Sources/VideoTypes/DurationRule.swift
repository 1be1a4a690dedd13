/// How exactly a length is meant.
public enum DurationRule: String, Sendable, Hashable, CaseIterable, Codable {
    case exact
    /// No shorter: who makes only certain lengths takes the next one.
    case atLeast = "at_least"
}
