/// A worker's right to a job: good for one attempt, until the lease runs out or the job is cancelled.
package struct Claim: Sendable, Hashable {
    package let job: Job
    /// As the journal had it when the job was claimed; every later word about the job must carry it.
    package let attempt: Int

    package init(job: Job, attempt: Int) {
        self.job = job
        self.attempt = attempt
    }
}
