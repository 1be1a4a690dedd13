import FoundationEssentials
import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// Lines for people, at once, and JSON for the table.
final class BenchOutput {
    private let folder: String?
    private let part: String?
    private let show: (String) -> Void

    /// - Parameters:
    ///   - folder: where JSON goes; nil writes none.
    ///   - part: what several runs that write the same JSON call theirs.
    ///   - show: receives each line.
    init(folder: String?, part: String? = nil, show: @escaping (String) -> Void = BenchOutput.say) {
        self.folder = folder
        self.part = part
        self.show = show
    }

    func line(_ text: String) { show(text) }

    /// Writes `name`.json, or `name`.`part`.json; called again as results come in, so that a run that is cut off leaves what it has.
    func write(_ name: String, _ value: JSONText) throws {
        guard let folder else { return }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let file = ([name] + [part].compactMap(\.self)).joined(separator: ".")
        try Data("\(value)\n".utf8).write(to: URL(filePath: "\(folder)/\(file).json"))
    }

    static func say(_ text: String) { put(text, 1) }
    static func complain(_ text: String) { put(text, 2) }

    private static func put(_ text: String, _ descriptor: Int32) {
        let bytes = Array("\(text)\n".utf8)
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes[done...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            done += count
        }
    }
}

/// `value` with so many digits behind the point.
func shown(_ value: Double, _ digits: Int = 2) -> String {
    guard value.isFinite else { return "\(value)" }
    let scale = pow(10, Double(digits))
    let whole = Int((abs(value) * scale).rounded())
    let sign = value < 0 && whole != 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let part = String(whole % Int(scale))
    return "\(sign)\(whole / Int(scale)).\(String(repeating: "0", count: digits - part.count))\(part)"
}

/// The value in the middle; of an even number the mean of the two.
func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// Seconds that `body` takes, by the host's clock.
func wallSeconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return seconds(since: start)
}

func seconds(since start: ContinuousClock.Instant) -> Double {
    let parts = (ContinuousClock.now - start).components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
}
