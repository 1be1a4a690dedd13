import Compute
import ComputeCPU
import ComputeCUDA
import Pipelines
import VideoTypes

/// The backend that a run computes on, and what there is to say about it.
struct BackendChoice {
    let backend: any Backend
    /// For people, one line each.
    let remarks: [String]

    /// - Parameters:
    ///   - choice: what was asked for. Without a wish a GPU is used where one works; why not is said where there is one.
    ///   - threads: for the processor; nil for all.
    ///   - gpus: NVIDIA's libraries and our compiled kernels.
    init(_ choice: DeviceChoice, threads: Int?, gpus: GPUs = .here) throws(VideoError) {
        switch choice {
        case .cpu: self.init(try Machine.cpuBackend(threads: threads), remarks: [])
        case .cuda(let ordinal):
            do throws(ComputeError) {
                self.init(try gpus.backend(ordinal), remarks: gpus.warnings)
            } catch {
                throw VideoError(room: error)
            }
        case .automatic:
            do throws(ComputeError) {
                self.init(try gpus.backend(0), remarks: gpus.warnings)
            } catch .deviceMissing {
                self.init(try Machine.cpuBackend(threads: threads), remarks: [])
            } catch {
                let reason = VideoError(room: error)
                self.init(
                    try Machine.cpuBackend(threads: threads),
                    remarks: ["the GPU is not used: \(reason.message)"] + (reason.hint.map { ["hint: \($0)"] } ?? []))
            }
        }
    }

    private init(_ backend: any Backend, remarks: [String]) {
        self.backend = backend
        self.remarks = remarks
    }
}

/// The GPUs of a machine and what their backend needs.
struct GPUs {
    let libraries: CUDALibraries
    let cache: CubinCache?

    /// Those of this machine.
    static var here: GPUs {
        let variables = Machine.environment
        return GPUs(
            libraries: CUDALibraries(LibrarySearch(variables: variables)),
            cache: CubinCache.folder(variables).map { CubinCache(folder: $0) })
    }

    func backend(_ ordinal: Int) throws(ComputeError) -> CUDABackend {
        try CUDABackend(ordinal, libraries, cache: cache, threads: max(1, Machine.processors / 2))
    }

    /// What does not stop a run.
    var warnings: [String] {
        cache?.warning.map { ["compiled kernels are not kept: \($0)"] } ?? []
    }
}
