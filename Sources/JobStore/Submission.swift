/// What came of a submitted order.
package enum Submission: Sendable, Hashable {
    case created(Job)
    /// The same order was submitted before.
    case existing(Job)
    /// The idempotency key stands for another order.
    case keyReused
    /// `admit` said no.
    case refused
}
