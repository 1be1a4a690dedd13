import Compute
import ComputeCUDA

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
