import VideoTypes

/// What all clips together may cost their owner at clouds, whatever each request allows.
package struct SpendingLimits: Sendable, Hashable {
    package var dollarsPerClip: Double?
    package var dollarsPerDay: Double?
    package var dollarsPerThirtyDays: Double?

    package init() {}

    init(_ fields: JSONFields) throws(JSONFieldError) {
        try fields.know(["dollars_per_clip", "dollars_per_day", "dollars_per_30_days"])
        let range = VideoRequest.Limits.costDollars
        dollarsPerClip = try fields.number("dollars_per_clip", in: range)
        dollarsPerDay = try fields.number("dollars_per_day", in: range)
        dollarsPerThirtyDays = try fields.number("dollars_per_30_days", in: range)
    }

    /// The time that each limit is for, in seconds.
    var windows: [(limit: Double, seconds: Double, name: String)] {
        [(dollarsPerDay, 86_400.0, "24 hours"), (dollarsPerThirtyDays, 30 * 86_400.0, "30 days")].compactMap {
            (limit, seconds, name) in limit.map { ($0, seconds, name) }
        }
    }

    /// Why nothing of this price is ordered now; nil where it may be.
    ///
    /// - Parameter spent: what orders of the last seconds have cost, or may have.
    func refusal(_ dollars: Double, spent: (_ seconds: Double) -> Double) -> String? {
        for (limit, seconds, name) in windows {
            guard dollars.isFinite else {
                return "it does not tell its price, and no more than \(Self.text(limit)) $ may go in \(name)"
            }
            let before = spent(seconds)
            // Prices are sums of decimals: a hair too much is none.
            guard before + dollars <= limit + 1e-9 else {
                return "\(Self.text(before)) $ of the \(Self.text(limit)) $ for \(name) are spent"
            }
        }
        return nil
    }

    private static func text(_ dollars: Double) -> String {
        let cents = (dollars * 100).rounded() / 100
        return cents == cents.rounded() && abs(cents) < 1e15 ? "\(Int(cents))" : "\(cents)"
    }
}
