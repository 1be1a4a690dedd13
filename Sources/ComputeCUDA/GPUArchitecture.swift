/// A compute capability.
package struct GPUArchitecture: Sendable, Hashable, Comparable {
    package let major: Int
    package let minor: Int

    /// The first with bf16 matrix products and asynchronous copies.
    package static let oldest = GPUArchitecture(major: 8, minor: 0)

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// From NVRTC's number: 89 is 8.9, 120 is 12.0.
    package init(number: Int) {
        self.init(major: number / 10, minor: number % 10)
    }

    package static func < (one: GPUArchitecture, other: GPUArchitecture) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }

    package var number: Int { major * 10 + minor }

    /// As NVIDIA writes it: "8.9".
    package var capability: String { "\(major).\(minor)" }

    /// Whether kernels for sm_90a run on it: the suffix binds them to this very architecture.
    package var hasWarpgroups: Bool { number == 90 }

    /// Whether machine code for `other` runs on it: within a major version, newer GPUs run what older ones run.
    func runs(_ other: GPUArchitecture) -> Bool { other.major == major && other.minor <= minor }
}
