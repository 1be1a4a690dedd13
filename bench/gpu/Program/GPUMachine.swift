import Compute
import ComputeCUDA
import FoundationEssentials

/// Where everything is measured: this machine, or a faked one in a test.
struct GPUMachine {
    let libraries: CUDALibraries
    /// How many kernels are compiled at once.
    let threads: Int
    var ordinal = 0
    /// Where compiled kernels are kept; nil keeps none.
    var cacheFolder: String?
    var tuning = CUDABackend.Tuning()

    static func here() -> GPUMachine {
        let process = ProcessInfo.processInfo
        return GPUMachine(
            libraries: CUDALibraries(LibrarySearch(variables: process.environment)),
            threads: process.activeProcessorCount, cacheFolder: CubinCache.folder(process.environment))
    }

    func backend(poisonsMemory: Bool = false) throws(ComputeError) -> CUDABackend {
        var tuning = tuning
        tuning.poisonsMemory = poisonsMemory
        return try CUDABackend(
            ordinal, libraries, cache: cacheFolder.map { CubinCache(folder: $0) }, threads: threads, tuning: tuning)
    }
}
