/// A version as NVIDIA counts them: 12.9.
package struct CUDAVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let major: Int
    package let minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// From the driver's number: 12090 is 12.9.
    package init(number: Int) {
        self.init(number / 1000, number % 1000 / 10)
    }

    package static func < (one: CUDAVersion, other: CUDAVersion) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }

    package var description: String { "\(major).\(minor)" }
}
