/// What a backend cannot do.
///
/// Shape mistakes are preconditions: validated input never reaches them.
package enum ComputeError: Error, Equatable {
    /// An allocation of `requested` bytes failed.
    case outOfMemory(requested: Int, backend: String)
    case unsupported(operation: String, detail: String, backend: String)
    /// A library below the backend answered `status` to `call`.
    case failed(call: String, status: Int, backend: String)
    case unavailable(backend: String, reason: String)
}
