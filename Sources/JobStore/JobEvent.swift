/// One line of the journal, never changed.
package struct JobEvent: Sendable, Hashable {
    /// Grows over all jobs: what a reader resumes from.
    package let number: Int
    package let job: JobID
    package let kind: Kind
    /// JSON.
    package let text: String

    package enum Kind: String, Sendable, Hashable {
        case status
        case progress
        case completed
        case failed
    }

    package init(number: Int, job: JobID, kind: Kind, text: String) {
        self.number = number
        self.job = job
        self.kind = kind
        self.text = text
    }
}
