package import Compute
import ComputeCPU
import ComputeCUDA
package import VideoTypes

/// The backend that a run computes on, and what there is to say about it.
package struct BackendChoice {
    package let backend: any Backend
    /// What there is to say of a GPU that is not used; nil where it is, or where there is none.
    package let problem: VideoError?
    private let gpus: GPUs

    /// For people, one line each.
    package func remarks(in vocabulary: Vocabulary) -> [String] {
        guard let problem else { return [] }
        let hint = problem.hint(in: vocabulary).map { ["hint: \($0)"] } ?? []
        return ["the GPU is not used: \(problem.message(in: vocabulary))"] + hint
    }

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
    ///     `problem` says why.
    ///   - threads: for the processor; nil for all.
    ///   - gpus: NVIDIA's libraries and our compiled kernels.
    package init(_ choice: DeviceChoice, threads: Int?, gpus: GPUs = .here) throws(VideoError) {
        switch choice {
        case .cpu: self.init(try Machine.cpuBackend(threads: threads), nil, gpus)
        case .cuda(let ordinal):
            do throws(ComputeError) {
                self.init(try gpus.backend(ordinal), nil, gpus)
            } catch {
                throw error.videoError
            }
        case .automatic:
            do throws(ComputeError) {
                self.init(try gpus.backend(0), nil, gpus)
            } catch .deviceMissing {
                self.init(try Machine.cpuBackend(threads: threads), nil, gpus)
            } catch {
                self.init(try Machine.cpuBackend(threads: threads), error.videoError, gpus)
            }
        }
    }

    private init(_ backend: any Backend, _ problem: VideoError?, _ gpus: GPUs) {
        self.backend = backend
        self.problem = problem
        self.gpus = gpus
    }
}
