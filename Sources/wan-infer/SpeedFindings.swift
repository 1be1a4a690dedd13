import Backends
import Compute
import ComputeCPU
import VideoTypes

/// How fast the processor multiplies here, beside what it could do.
struct SpeedFindings {
    /// Below this share of the peak something is wrong, not just busy.
    private static let slowShare = 0.1

    /// One finding a dtype.
    static func findings(_ backend: CPUBackend) throws(VideoError) -> [Finding] {
        let peak = backend.peakSpeed()
        var findings: [Finding] = []
        for dtype in [DType.f32, .bf16] {
            do throws(ComputeError) {
                let product = try backend.productSpeed(dtype)
                findings.append(
                    finding(dtype, ["product": product, "convolution": try backend.convolutionSpeed(dtype)], peak))
            } catch {
                throw VideoError(reporting: error)
            }
        }
        return findings
    }

    /// - Parameter speeds: by what was computed, in operations a second.
    static func finding(_ dtype: DType, _ speeds: [String: Double], _ peak: Double) -> Finding {
        var parts: [String] = []
        var numbers: [(String, JSONText)] = [("peak_gflops", .number(peak / 1e9))]
        var isSlow = false
        for (name, speed) in speeds.sorted(by: { $0.key > $1.key }) {
            let share = peak > 0 ? speed / peak : 0
            isSlow = isSlow || share < slowShare
            parts.append("\(name) \(Numbers.fixed(speed / 1e9, 0)) GFLOP/s (\(Numbers.fixed(100 * share, 0)) %)")
            numbers += [("\(name)_gflops", .number(speed / 1e9)), ("\(name)_share", .number(share))]
        }
        let text = parts.joined(separator: ", ") + " of \(Numbers.fixed(peak / 1e9, 0)) measured in f32 registers"
        return Finding(dtype.rawValue, text, numbers: numbers, isSlow: isSlow)
    }
}
