/// A place where a library may be.
package struct LibraryCandidate: Sendable, Hashable {
    /// A name for the dynamic linker, or a path.
    package let name: String
    /// The CUDA major version that it belongs to, 0 for the driver.
    package let major: Int

    package init(name: String, major: Int) {
        self.name = name
        self.major = major
    }
}

/// Where libraries come from: this machine, or a test.
package protocol LibrarySource {
    /// Where a library may be, the best place first.
    func candidates(for library: CUDALibrary) -> [LibraryCandidate]
    func open(_ candidate: LibraryCandidate) throws(LibraryFailure) -> SharedLibrary
}
