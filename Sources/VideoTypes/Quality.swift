/// How much work a clip deserves; what it means in steps is the provider's affair.
public enum Quality: String, Sendable, Hashable, CaseIterable, Comparable, Codable {
    case draft
    case standard
    case premium

    public static func < (left: Quality, right: Quality) -> Bool { left.rank < right.rank }

    /// 0 for the least.
    public var rank: Int {
        switch self {
        case .draft: 0
        case .standard: 1
        case .premium: 2
        }
    }
}
