import Backends
import Compute
import ComputeCUDA
import VideoTypes

/// What there is to say about the GPUs of a machine and NVIDIA's libraries.
struct GPUFindings {
    let gpus: GPUs

    /// One finding a subject, and the first thing that keeps a GPU from being used.
    func devices() -> (findings: [Finding], failure: VideoError?, isUsed: Bool) {
        let driver: Driver
        let devices: [CUDADevice]
        do throws(ComputeError) {
            driver = try gpus.libraries.driver()
            devices = try CUDADevice.all(driver)
        } catch .deviceMissing(_, let reason) {
            return ([Finding("GPU", "none, and not needed: \(reason)")], nil, false)
        } catch {
            let failure = error.videoError
            return ([Finding("GPU", failure)], failure, false)
        }
        var findings = devices.map(Self.finding)
        findings.append(Finding("driver", "serves CUDA \(driver.version)"))
        let compilers = compilers(devices.filter { $0.shortcoming == nil }, driver)
        findings += [compilers.finding, products(driver)].compactMap(\.self)
        let failure = devices.first.flatMap(Self.failure) ?? compilers.failure
        return (findings, failure, failure == nil)
    }

    /// The first GPU is the one that is used where nobody asks for another.
    private static func finding(_ device: CUDADevice) -> Finding {
        if device.ordinal == 0, let failure = failure(device) { return Finding("GPU", failure) }
        return Finding(
            "GPU",
            "\(device.backend) \(device.name), \(Numbers.bytes(device.memoryBytes)), compute capability "
                + device.architecture.capability + (device.shortcoming.map { ", not used: \($0)" } ?? ""))
    }

    private static func failure(_ device: CUDADevice) -> VideoError? {
        device.shortcoming.map { ComputeError.unavailable(backend: device.backend, reason: $0).videoError }
    }

    private func compilers(_ devices: [CUDADevice], _ driver: Driver) -> (finding: Finding?, failure: VideoError?) {
        var versions: [String] = []
        for device in devices {
            do throws(ComputeError) {
                let compiler = try gpus.libraries.compiler(for: device.architecture, driver: driver.version)
                let text = "\(compiler.version) (\(compiler.library.path))"
                if !versions.contains(text) { versions.append(text) }
            } catch {
                let failure = error.videoError
                return (Finding("NVRTC", failure), failure)
            }
        }
        return (versions.isEmpty ? nil : Finding("NVRTC", versions.joined(separator: ", ")), nil)
    }

    private func products(_ driver: Driver) -> Finding {
        let library = gpus.libraries.products(driver: driver.version)
        return Finding("cuBLASLt", library?.path ?? "missing, so all products are ours; \(CUDALibrary.products.remedy)")
    }

    /// Whether compiled kernels are kept; known after a backend has been used.
    var cache: (finding: Finding, failure: VideoError?) {
        guard let cache = gpus.cache else {
            return (Finding("kernels", "compiled at every start: neither WAN_INFER_CACHE nor HOME names a folder"), nil)
        }
        guard let warning = cache.warning else { return (Finding("kernels", "kept in \(cache.folder)"), nil) }
        let failure = VideoError(
            .cacheUnusable, "compiled kernels are not kept: \(warning)",
            hint: "set WAN_INFER_CACHE to a folder that is yours alone")
        return (Finding("kernels", failure), failure)
    }
}
