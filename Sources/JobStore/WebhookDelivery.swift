/// Somebody to be told that a job is finished.
package struct WebhookDelivery: Sendable, Hashable {
    package let number: Int
    /// The same at each try, so that the receiver can tell a second one from a second message.
    package let messageID: String
    package let job: JobID
    package let url: String
    /// `completed` or `failed`.
    package let kind: JobEvent.Kind
    package let createdAt: Int
    /// So far.
    package let tries: Int
}
