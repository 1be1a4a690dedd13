package import Compute
import ComputeCPU
import ComputeCUDA
import Pipelines
package import VideoTypes

/// The backend that a run computes on, and what there is to say about it.
package struct BackendChoice {
    package let backend: any Backend
    /// For people, one line each.
    package let remarks: [String]
    private let gpus: GPUs

    /// What showed only while the backend was at work.
    package var laterRemarks: [String] { backend is CUDABackend ? gpus.warnings : [] }

    /// Gives the joules that the GPU has taken so far; nil where there is none or it does not count.
    package func makeJouleCounter() -> (@Sendable () -> Double?)? {
        guard let device = (backend as? CUDABackend)?.device, let driver = try? gpus.libraries.driver(),
            let meter = gpus.libraries.energyMeter(for: device, driver)
        else { return nil }
        return { meter.joules() }
    }

    /// - Parameters:
    ///   - choice: what was asked for. Without a wish a GPU is used where one works; where one is there and does not,
    ///     the remarks say why.
    ///   - threads: for the processor; nil for all.
    ///   - gpus: NVIDIA's libraries and our compiled kernels.
    package init(_ choice: DeviceChoice, threads: Int?, gpus: GPUs = .here) throws(VideoError) {
        switch choice {
        case .cpu: self.init(try Machine.cpuBackend(threads: threads), [], gpus)
        case .cuda(let ordinal):
            do throws(ComputeError) {
                self.init(try gpus.backend(ordinal), [], gpus)
            } catch {
                throw VideoError(room: error)
            }
        case .automatic:
            do throws(ComputeError) {
                self.init(try gpus.backend(0), [], gpus)
            } catch .deviceMissing {
                self.init(try Machine.cpuBackend(threads: threads), [], gpus)
            } catch {
                let reason = VideoError(room: error)
                self.init(
                    try Machine.cpuBackend(threads: threads),
                    ["the GPU is not used: \(reason.message)"] + (reason.hint.map { ["hint: \($0)"] } ?? []), gpus)
            }
        }
    }

    private init(_ backend: any Backend, _ remarks: [String], _ gpus: GPUs) {
        self.backend = backend
        self.remarks = remarks
        self.gpus = gpus
    }
}
