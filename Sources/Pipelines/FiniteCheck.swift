import Compute
import Layers
import VideoTypes

/// Looks whether tensors hold finite numbers, at the price of reading them once.
struct FiniteCheck {
    private let device: Device
    private let flag: Tensor

    init(on device: Device) throws(ComputeError) {
        self.device = device
        flag = try device.backend.allocate([1], .u8)
        try device.backend.zero(flag)
    }

    /// Starts looking; what is asked of the backend next may run meanwhile.
    func start(_ x: Tensor) throws(ComputeError) -> Answer {
        try device.backend.flagNonFinite(x, in: flag)
        return Answer(flag: try device.backend.startDownload(flag))
    }

    func passes(_ x: Tensor) throws(ComputeError) -> Bool { try start(x).isFinite() }

    /// Whether all is well, once the backend has looked.
    struct Answer {
        fileprivate let flag: any PendingBytes

        func isFinite() throws(ComputeError) -> Bool { try flag.bytes() == [0] }
    }

    /// For a second look, part by part, once something was found.
    func search() throws(ComputeError) -> Search { Search(try FiniteCheck(on: device)) }

    /// Remembers the first part whose numbers are not finite.
    final class Search {
        private let check: FiniteCheck
        private(set) var part: String?

        fileprivate init(_ check: FiniteCheck) {
            self.check = check
        }

        /// To be a network's probe.
        func look(_ name: String, _ x: Tensor) throws(ComputeError) {
            guard part == nil, try !check.passes(x) else { return }
            part = name
        }
    }

    /// - Parameters:
    ///   - place: what was computed when it happened: "step 3 of 16".
    ///   - part: where a second look found them first; nil where it found none.
    func failure(_ stage: VideoProgress.Stage, _ place: String, part: String?) -> VideoError {
        let first = part.map { ", first in \($0)" } ?? ", but not when it was computed again"
        let damage: Wording = "the weights may be damaged: fetch them again"
        return VideoError(
            .notFinite, "\(stage.rawValue) gave numbers that are not finite at \(place)\(first)",
            remedies: device.dtype == .f32 ? [damage] : [damage, "or bf16 is too narrow: try \(.dtype, "f32")"])
    }
}
