/// Numbers as people read them.
enum Numbers {
    /// With exactly `digits` digits after the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
        let whole = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && whole > 0 ? "-" : ""
        guard digits > 0 else { return sign + "\(whole)" }
        let fraction = "\(whole % scale)"
        return sign + "\(whole / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// "0.41 s", "41 s", "3 min 20 s", "2 h 05 min".
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        if seconds < 9.995 { return fixed(max(seconds, 0), 2) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(padded(whole % 60)) s" }
        return "\(whole / 3600) h \(padded(whole % 3600 / 60)) min"
    }

    /// "812 bytes", "34.2 kB", "1.2 MB", "3.4 GB".
    static func bytes(_ count: Int) -> String {
        let steps = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)]
        for (unit, size) in steps where count >= size {
            return fixed(Double(count) / Double(size), 1) + " " + unit
        }
        return "\(count) bytes"
    }

    /// "6.1 M", "7.2 B".
    static func parameters(_ count: Int) -> String {
        count < 100_000_000 ? fixed(Double(count) / 1e6, 1) + " M" : fixed(Double(count) / 1e9, 1) + " B"
    }

    /// "0 $", "0.4000 $", "0.000021 $": never rounded to nothing.
    static func dollars(_ amount: Double) -> String {
        guard amount != 0 else { return "0 $" }
        var decimals = 4
        var scaled = abs(amount) * 1e4
        while decimals < 12, scaled < 10 {
            decimals += 1
            scaled *= 10
        }
        return "\(fixed(amount, decimals)) $"
    }

    private static func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
