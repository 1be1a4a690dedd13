package import CKernels
import Glibc

/// An opened library, or what stands for one in a test: functions by name.
///
/// What was opened stays open: NVIDIA's libraries leave threads and exit handlers behind.
@safe
package struct SharedLibrary: @unchecked Sendable {
    // Safe: nothing changes, and looking up a symbol is allowed on any thread.

    /// Where it was found.
    package let path: String
    private let lookup: ck_lookup
    private let context: UnsafeMutableRawPointer?
    private let owner: AnyObject?

    /// Opens a library by its name or path.
    ///
    /// - Parameters:
    ///   - name: "libcuda.so.1" is looked for by the dynamic linker, a path is taken as it is.
    ///   - isGlobal: whether libraries that are opened later see its symbols.
    init(opening name: String, isGlobal: Bool = false) throws(LibraryFailure) {
        guard let handle = unsafe dlopen(name, RTLD_NOW | (isGlobal ? RTLD_GLOBAL : RTLD_LOCAL)) else {
            let reason = unsafe dlerror().map { unsafe String(cString: $0) }
            throw LibraryFailure(name: name, reason: reason ?? "no reason given")
        }
        unsafe lookup = ck_library_symbol
        unsafe context = handle
        owner = nil
        path = unsafe Self.path(of: handle) ?? name
    }

    /// A stand-in whose functions `lookup` gives, called with `context`, which `owner` keeps alive.
    package init(
        standIn path: String, context: UnsafeMutableRawPointer?, owner: AnyObject, lookup: @escaping ck_lookup
    ) {
        self.path = path
        self.owner = owner
        unsafe self.lookup = lookup
        unsafe self.context = context
    }

    /// The folder that it lies in.
    package var folder: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }

    /// Fills a table of functions; nil, or the first symbol that is missing.
    func fill<Table>(
        _ table: inout Table,
        _ fill: (UnsafeMutablePointer<Table>?, ck_lookup?, UnsafeMutableRawPointer?) -> UnsafePointer<CChar>?
    ) -> String? {
        unsafe fill(&table, lookup, context).map { unsafe String(cString: $0) }
    }

    private static func path(of handle: UnsafeMutableRawPointer) -> String? {
        unsafe ck_library_path(handle).map { unsafe String(cString: $0) }
    }
}

/// Why a library could not be opened.
package struct LibraryFailure: Error, Equatable {
    package let name: String
    package let reason: String

    package init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }
}
