extension VideoRequest.Limits {
    public static let durationSeconds = 0.01...4097.0
    public static let costDollars = 0.0...1e6
    /// A month is for ever.
    public static let latencySeconds = 0.001...2_592_000.0
    public static let ratioPart = 1...1000
    public static let referenceImages = 0...8
    /// Of each.
    public static let referenceImageBytes = 64 << 20
    public static let idBytes = 1...256
}

extension VideoRequest {
    /// Checks what says in words how the clip shall be.
    func validateWords() throws(VideoError) {
        typealias Limits = VideoRequest.Limits
        guard Limits.idBytes.contains(id.utf8.count) else {
            throw .invalid("the id has \(id.utf8.count) bytes", hint: "use 1 to \(Limits.idBytes.upperBound)")
        }
        try Self.check("duration", durationSeconds, Limits.durationSeconds)
        try Self.check("resolution", resolution?.shorterSide, Limits.side)
        try Self.check("max cost", maxCostDollars, Limits.costDollars)
        try Self.check("max latency", maxLatencySeconds, Limits.latencySeconds)
        try Self.check("aspect ratio's width", aspectRatio?.width, Limits.ratioPart)
        try Self.check("aspect ratio's height", aspectRatio?.height, Limits.ratioPart)
        guard Limits.referenceImages.contains(referenceImages.count),
            referenceImages.allSatisfy({ $0.bytes.count <= Limits.referenceImageBytes })
        else {
            throw .invalid(
                "too many or too large reference images",
                hint: "at most \(Limits.referenceImages.upperBound), \(Limits.referenceImageBytes >> 20) MiB each")
        }
    }

    private static func check<T: Comparable>(_ name: String, _ value: T?, _ range: ClosedRange<T>) throws(VideoError) {
        // A NaN is in no range.
        guard let value, !range.contains(value) else { return }
        throw .invalid("\(name) must be between \(range.lowerBound) and \(range.upperBound), got \(value)")
    }
}
