import Distributions

/// NVIDIA's libraries that are used, each opened at run time.
package enum CUDALibrary: String, CaseIterable, Sendable {
    /// Comes with the kernel driver.
    case driver = "libcuda"
    /// Compiles our kernels.
    case compiler = "libnvrtc"
    /// Matrix products, where it is faster than ours.
    case products = "libcublasLt"
    /// Counts the energy that GPUs take.
    case management = "libnvidia-ml"

    /// The names that it has been published under, the newest first, each with the CUDA major version it belongs to.
    var names: [(name: String, major: Int)] {
        switch self {
        case .driver: [("libcuda.so.1", 0)]
        case .compiler: [("libnvrtc.so.13", 13), ("libnvrtc.so.12", 12), ("libnvrtc.so.11.2", 11)]
        case .products: [("libcublasLt.so.13", 13), ("libcublasLt.so.12", 12), ("libcublasLt.so.11", 11)]
        case .management: [("libnvidia-ml.so.1", 0)]
        }
    }

    /// How it is installed.
    package var remedy: String {
        switch self {
        case .driver, .management:
            "install NVIDIA's driver" + (Distribution.here.map { ": \($0.driverRemedy)" } ?? "")
        case .compiler: remedy(pip: "nvidia-cuda-nvrtc-cu12")
        case .products: remedy(pip: "nvidia-cublas-cu12")
        }
    }

    /// Debian has them in non-free, Ubuntu in multiverse; pip has them for all.
    private func remedy(pip: String) -> String {
        let package = names.lazy.compactMap { Distribution.here?.package(of: $0.name) }.first
        let apt = package.map { ", or apt-get install \($0)" } ?? ""
        return "install it: make setup-cuda\(apt), or pip install \(pip)"
    }
}
