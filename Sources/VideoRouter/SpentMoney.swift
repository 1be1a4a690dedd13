import VideoTypes

/// What the attempts for one request have cost together.
struct SpentMoney {
    /// One piece of work: asked for twice under one id, it is charged once.
    struct Work: Hashable {
        let provider: String
        let id: VideoRequest.ID
    }

    private var charges: [Work: Double] = [:]
    let before: Double
    private let limit: Double?

    /// - Parameter before: what was spent before this process took the request over.
    init(limit: Double?, before: Double) {
        self.limit = limit
        self.before = before.isFinite ? max(before, 0) : 0
    }

    var total: Double { charges.values.reduce(before, +) }

    /// nil where there is no limit.
    var remaining: Double? { limit.map { max($0 - total, 0) } }

    mutating func charge(_ work: Work, _ dollars: Double) {
        charges[work] = dollars.isFinite ? min(max(dollars, 0), VideoRequest.Limits.costDollars.upperBound) : 0
    }

    /// Whether this work may be begun, or asked for again.
    func affords(_ work: Work, _ dollars: Double) -> Bool {
        guard let limit else { return true }
        return total - (charges[work] ?? 0) + dollars <= limit + 1e-9
    }
}
