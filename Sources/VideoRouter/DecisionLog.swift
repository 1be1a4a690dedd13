import Glibc

/// A file that every decision is added to, one line of JSON each.
public final class DecisionLog: Sendable {
    private let descriptor: Int32

    /// Opens the file for adding; makes it where there is none, for the owner alone.
    public init(path: String) throws(RouterError) {
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw RouterError(.configuration, "cannot open the decision log \(path): error \(errno)")
        }
    }

    deinit { close(descriptor) }
}
