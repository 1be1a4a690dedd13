import Glibc

/// A thread for work that blocks.
package struct OwnThread: Sendable {
    private let thread: pthread_t

    /// Starts a thread that runs `body`; nil where the system gives none.
    ///
    /// It must be joined or detached.
    package init?(_ body: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let box = unsafe Unmanaged.passRetained(Box(body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { pointer in
                if let pointer = unsafe pointer { unsafe Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body() }
                return nil
            }, box.toOpaque())
        guard status == 0 else {
            unsafe box.release()
            return nil
        }
        self.thread = thread
    }

    /// Waits for its end.
    package func join() { pthread_join(thread, nil) }

    /// Lets it end alone.
    package func detach() { pthread_detach(thread) }
}
