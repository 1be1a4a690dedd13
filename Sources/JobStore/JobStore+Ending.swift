import VideoTypes

/// What came of a wish to stop a job.
package enum Cancellation: Sendable, Hashable {
    /// The job as it is now; the attempt that was running has lost its claim.
    case cancelled(Job, runningAttempt: Int?)
    case alreadyFinal(Job)
}

extension JobStore {
    /// Stops a job for good; nil where there is none of this id.
    package func cancel(_ id: JobID) throws(StoreError) -> Cancellation? {
        let result = try write(isVital: true) { (changes) throws(StoreError) in
            guard let job = try Self.job(changes, id) else { return Cancellation?.none }
            if job.state.isFinal { return .alreadyFinal(job) }
            try changes.fail(job.number, VideoError(.cancelled, "cancelled"))
            guard let ended = try Self.job(changes, id) else { return nil }
            self.outputs.remove(id)
            return .cancelled(ended, runningAttempt: job.state == .inProgress ? job.attempt : nil)
        }
        if case .cancelled = result {
            outputs.removeCheckpoint(id)
            outputs.removeInputs(id)
        }
        return result
    }

    /// Removes a job with all that belongs to it, and answers what it was; nil where there is none of this id.
    ///
    /// Nothing is left of it but the numbers of its events.
    package func delete(_ id: JobID) throws(StoreError) -> Job? {
        let job = try write(isVital: true) { (changes) throws(StoreError) in
            guard let job = try Self.job(changes, id) else { return Job?.none }
            // A file without a row would be put away, not removed: so the row goes last.
            try changes.connection.run("UPDATE job SET file_gone = 1 WHERE number = ?", [.integer(job.number)])
            return job
        }
        guard let job else { return nil }
        outputs.remove(id)
        outputs.removePart(id, attempt: job.attempt)
        outputs.removeCheckpoint(id)
        outputs.removeInputs(id)
        try write(isVital: true) { (changes) throws(StoreError) in
            try changes.connection.run("DELETE FROM job WHERE number = ?", [.integer(job.number)])
            changes.noteQueue()
        }
        return job
    }

    private static func job(_ changes: Changes, _ id: JobID) throws(StoreError) -> Job? {
        let sql: SQL = " WHERE id = ?"
        return try changes.connection.rows(JobRow.columns + sql, [.text(id.description)], JobRow.job).first
    }
}
