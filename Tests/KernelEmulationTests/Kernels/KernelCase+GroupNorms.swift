import CKernels
import KernelEmulation

/// The steps of group norm that have shared memory, each by itself.
extension KernelCase {
    static let groupNorms =
        [40, 42].flatMap { channels in
            ["f32", "bf16"].map { groupStatistics($0, channels: channels) }
        } + [groupMerge]

    /// Channels are read by vectors where they are a multiple of 4.
    private static func groupStatistics(_ dtype: String, channels: Int) -> KernelCase {
        let (positions, groups, piece) = (52, 2, 20)
        let blocks = (positions + piece - 1) / piece
        let size = channels / groups
        let x = floats(positions * channels)
        var expected = [Float](repeating: 0, count: 2 * groups * blocks)
        for group in 0..<groups {
            for block in 0..<blocks {
                let places = block * piece..<min((block + 1) * piece, positions)
                let elements = places.flatMap { place -> [Double] in
                    let first = place * channels + group * size
                    return x[first..<first + size].map { Double($0) }
                }
                let mean = elements.reduce(0, +) / Double(elements.count)
                expected[group * blocks + block] = Float(mean)
                let squares: Double = elements.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                expected[(groups + group) * blocks + block] = Float(squares)
            }
        }
        let result = expected
        return KernelCase(name: "group_norm_statistics_\(dtype), \(channels) channels") { trial in
            let input = FloatArray(x, isBF16: dtype == "bf16")
            let partial = FloatArray([Float](repeating: 0, count: result.count), isBF16: false)
            var arguments = ck_group_norm_arguments()
            (arguments.x, arguments.partial) = (input.address, partial.address)
            arguments.positions = Int64(positions + trial.excess)
            (arguments.channels, arguments.groups, arguments.piece) = (Int32(channels), Int32(groups), Int32(piece))
            let run = EmulatedRun(
                "group_norm_statistics_\(dtype)", grid: (UInt32(blocks), 1, 1), threads: UInt32(CK_NORM_THREADS),
                shared: CK_GROUP_NORM_SHARED, arguments, trial)
            return (run, partial.isClose(to: result))
        }
    }

    /// More pieces than threads.
    private static let groupMerge: KernelCase = {
        let (pieces, piece, groups, size) = (300, 2, 2, 3)
        let eps: Float = 1e-5
        let means = floats(groups * pieces)
        let squares = floats(groups * pieces).map { $0 + 1 }
        let expected = [true, false].flatMap { isMean in
            (0..<groups * size).map { channel in
                let part = channel / size * pieces..<(channel / size + 1) * pieces
                let mean = means[part].reduce(0) { $0 + Double($1) } / Double(pieces)
                let square = part.reduce(0) { sum, i in
                    let d = Double(means[i]) - mean
                    return sum + Double(squares[i]) + Double(piece * size) * d * d
                }
                let variance = square / Double(pieces * piece * size) + Double(eps)
                return Float(isMean ? mean : Double(channel + 1) / variance.squareRoot())
            }
        }
        return KernelCase(name: "group_norm_merge") { trial in
            let partial = DeviceArray(means + squares)
            let gain = DeviceArray((1...groups * size).map { Float($0) })
            let channel = FloatArray([Float](repeating: 0, count: 2 * groups * size), isBF16: false)
            var arguments = ck_group_norm_arguments()
            (arguments.partial, arguments.channel, arguments.gain) = (partial.address, channel.address, gain.address)
            // One more piece, of one position.
            arguments.positions = Int64(pieces * piece + trial.excess)
            (arguments.channels, arguments.groups) = (Int32(groups * size), Int32(groups))
            (arguments.piece, arguments.eps) = (Int32(piece), eps)
            let run = EmulatedRun(
                "group_norm_merge", grid: (UInt32(groups), 1, 1), threads: UInt32(CK_NORM_THREADS),
                shared: CK_GROUP_NORM_SHARED, arguments, trial)
            return (run, channel.isClose(to: expected))
        }
    }()
}
