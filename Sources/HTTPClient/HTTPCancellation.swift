import Synchronization

/// Tells a call under way, from any thread, that nobody wants its answer any more; heard within a second.
package final class HTTPCancellation: Sendable {
    private let flag = Atomic(false)

    package init() {}

    package func cancel() { flag.store(true, ordering: .relaxed) }

    package var isCancelled: Bool { flag.load(ordering: .relaxed) }
}
