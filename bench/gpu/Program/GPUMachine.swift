import Compute
package import ComputeCUDA
import FoundationEssentials

/// Where everything is measured: this machine, or a faked one in a test.
package struct GPUMachine {
    let libraries: CUDALibraries
    /// How many kernels are compiled at once.
    let threads: Int
    var ordinal = 0
    /// Where compiled kernels are kept; nil keeps none.
    var cacheFolder: String?
    var tuning = CUDABackend.Tuning()
    /// Whose kernels are used beside the portable ones.
    var servers: CUDABackend.Servers = [.warpgroups, .library]
    var watchdog = Watchdog(patience: .seconds(20), file: nil)

    package init(
        libraries: CUDALibraries, threads: Int, cacheFolder: String? = nil,
        tuning: CUDABackend.Tuning = CUDABackend.Tuning()
    ) {
        self.libraries = libraries
        self.threads = threads
        self.cacheFolder = cacheFolder
        self.tuning = tuning
    }

    package static func here() -> GPUMachine {
        let process = ProcessInfo.processInfo
        return GPUMachine(
            libraries: CUDALibraries(LibrarySearch(variables: process.environment)),
            threads: process.activeProcessorCount, cacheFolder: CubinCache.folder(process.environment))
    }

    /// As `--servers` calls them.
    var serversName: String { servers.isEmpty ? "portable" : servers == [.warpgroups] ? "warpgroups" : "all" }

    /// A backend whose kernels are compiled, as far as they can be.
    func backend(poisonsMemory: Bool = false) throws(ComputeError) -> CUDABackend {
        var tuning = tuning
        tuning.poisonsMemory = poisonsMemory
        let backend = try CUDABackend(
            ordinal, libraries, cache: cacheFolder.map { CubinCache(folder: $0) }, threads: threads, tuning: tuning)
        backend.servers = servers
        _ = backend.compiledKernels()
        return backend
    }

    /// The GPU's context, which lasts as long as this: each backend alone would make it anew.
    func context() throws(ComputeError) -> CUDAContext {
        let driver = try libraries.driver()
        return try CUDAContext(CUDADevice.find(ordinal, driver), driver)
    }
}
