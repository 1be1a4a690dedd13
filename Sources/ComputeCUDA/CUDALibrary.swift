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
        case .driver, .management: "install NVIDIA's driver (Debian: apt-get install nvidia-driver)"
        case .compiler:
            "install it: make setup-cuda, or apt-get install libnvrtc11.2, or pip install nvidia-cuda-nvrtc-cu12"
        case .products:
            "install it: make setup-cuda, or apt-get install libcublaslt11, or pip install nvidia-cublas-cu12"
        }
    }
}
