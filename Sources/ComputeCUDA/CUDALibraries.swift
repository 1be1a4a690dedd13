package import Compute

/// NVIDIA's libraries as they are found on this machine, each opened when it is asked for.
package struct CUDALibraries {
    private let source: any LibrarySource

    package init(_ source: any LibrarySource) {
        self.source = source
    }

    /// The driver, started.
    package func driver() throws(ComputeError) -> Driver {
        var detail = ""
        for candidate in source.candidates(for: .driver) {
            let library: SharedLibrary
            do throws(LibraryFailure) {
                library = try source.open(candidate)
            } catch {
                detail = " (\(error.reason))"
                continue
            }
            return try Driver(library)
        }
        throw .deviceMissing(name: "cuda", reason: "NVIDIA's driver is not installed\(detail)")
    }

    /// The newest compiler whose machine code the driver loads and that knows the GPU.
    ///
    /// Machine code of a newer minor version of CUDA loads, of a newer major version it does not.
    package func compiler(for gpu: GPUArchitecture, driver: CUDAVersion) throws(ComputeError) -> Compiler {
        let all = compilers()
        let fitting = all.filter { $0.version.major <= driver.major && $0.portableTarget(for: gpu) != nil }
        if let best = fitting.max(by: { $0.version < $1.version }) { return best }
        guard !all.isEmpty else {
            throw .compilerMissing(reason: "libnvrtc is not installed", backend: "cuda")
        }
        let list = all.map { "\($0.version) (\($0.library.path))" }.joined(separator: ", ")
        throw .compilerMissing(
            reason: "NVRTC \(list) does not serve a GPU of compute capability \(gpu.capability) "
                + "with a driver for CUDA \(driver)", backend: "cuda")
    }

    /// Every compiler that works.
    package func compilers() -> [Compiler] {
        opened(.compiler).compactMap { library in try? Compiler(library.library) }
    }

    /// The newest library of matrix products that the driver serves.
    package func products(driver: CUDAVersion) -> SharedLibrary? {
        opened(.products).filter { $0.major <= driver.major }.max { $0.major < $1.major }?.library
    }

    /// What counts a GPU's energy; nil where the library is missing or the GPU does not count.
    package func energyMeter(for device: CUDADevice, _ driver: Driver) -> EnergyMeter? {
        for found in opened(.management) {
            if let meter = EnergyMeter(found.library, bus: device.bus(driver)) { return meter }
        }
        return nil
    }

    private func opened(_ library: CUDALibrary) -> [(library: SharedLibrary, major: Int)] {
        var found: [(library: SharedLibrary, major: Int)] = []
        for candidate in source.candidates(for: library) {
            guard let opened = try? source.open(candidate) else { continue }
            if !found.contains(where: { $0.library.path == opened.path }) { found.append((opened, candidate.major)) }
        }
        return found
    }
}
