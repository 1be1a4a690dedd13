package import Compute
package import ComputeCUDA

/// The GPUs of a machine and what their backend needs.
package struct GPUs {
    package let libraries: CUDALibraries
    package let cache: CubinCache?

    package init(libraries: CUDALibraries, cache: CubinCache?) {
        self.libraries = libraries
        self.cache = cache
    }

    /// Those of this machine.
    package static var here: GPUs {
        let variables = Machine.environment
        return GPUs(
            libraries: CUDALibraries(LibrarySearch(variables: variables)),
            cache: CubinCache.folder(variables).map { CubinCache(folder: $0) })
    }

    package func backend(_ ordinal: Int) throws(ComputeError) -> CUDABackend {
        try CUDABackend(ordinal, libraries, cache: cache, threads: max(1, Machine.processors / 2))
    }

    /// What does not stop a run.
    package var warnings: [String] {
        cache?.warning.map { ["compiled kernels are not kept: \($0)"] } ?? []
    }
}
