import VideoTypes

/// What a start had to put right.
package struct Recovery: Sendable, Hashable {
    /// Jobs that were being worked on and wait again.
    package var requeued: [JobID] = []
    /// Jobs that were being worked on at their last attempt.
    package var crashedForGood: [JobID] = []
    /// Jobs whose clip was finished, though nobody was told yet.
    package var completed: [JobID] = []
    /// Jobs whose file is gone or is not the one that was made.
    package var lost: [JobID] = []
    /// Those of them under whose name another file lay, which was put away.
    package var quarantined: [JobID] = []
}

extension JobStore {
    /// Puts right what a crash left behind; to be called before the first claim.
    ///
    /// What another service has claimed is its own affair, until its lease is over.
    ///
    /// Of finished clips the sizes are looked at; each is read through when it is first asked for.
    package func recover() throws(StoreError) -> Recovery {
        var recovery = Recovery()
        try failUnreadable()
        for job in try claimedBefore() { try recover(job, &recovery) }
        try checkFinished(&recovery)
        try removeLeftovers()
        return recovery
    }

    /// Jobs that cannot be read can be neither worked on nor waited for.
    ///
    /// The orders of those that wait are looked at when they are claimed.
    private func failUnreadable() throws(StoreError) {
        let readable = Set(try queue().map(\.number))
        try write(isVital: true) { (changes) throws(StoreError) in
            let open = try changes.connection.rows(
                "SELECT number, state FROM job WHERE state NOT IN ('completed', 'failed')"
            ) { (row: inout Row) throws(StoreError) in (number: try row.integer(), state: try? row.text()) }
            for job in open {
                if job.state == Job.State.queued.rawValue, readable.contains(job.number) { continue }
                do throws(StoreError) {
                    let found = try Self.job(changes.connection, number: job.number)
                    if found?.state == .inProgress { continue }
                } catch {
                    guard case .damaged = error else { throw error }
                }
                try changes.fail(job.number, Self.unreadable)
            }
        }
    }

    private func recover(_ job: Job, _ recovery: inout Recovery) throws(StoreError) {
        let noted = try read { (connection) throws(StoreError) in
            try Self.notedOutput(connection, job.number)
        }
        if let noted, try finishes(job, noted) {
            try write(isVital: true) { (changes) throws(StoreError) in
                try Self.finish(changes, job.number, noted, job.order.expiresAfterSeconds)
            }
            return recovery.completed.append(job.id)
        }
        let state = try write(isVital: true) { (changes) throws(StoreError) in
            let sql: SQL = "SELECT attempt - excused FROM job WHERE number = ?"
            let counted = try changes.connection.rows(sql, [.integer(job.number)]) {
                (row: inout Row) throws(StoreError) in try row.integer()
            }
            if job.order.routed == nil {
                try Self.noteCrash(changes, job.number, job.attempt, counted.first ?? Self.maxAttempts)
            } else {
                try Self.excuse(changes, job.number, job.attempt)
            }
            return try Self.job(changes.connection, number: job.number)?.state
        }
        if state == .queued { recovery.requeued.append(job.id) } else { recovery.crashedForGood.append(job.id) }
    }

    /// Whether the file of a completion that was cut off is there, under its final name in the end.
    private func finishes(_ job: Job, _ noted: OutputFacts) throws(StoreError) -> Bool {
        if try outputs.holds(job.id, noted) { return true }
        guard try outputs.seal(job.id, attempt: job.attempt) == noted else { return false }
        try outputs.publish(job.id, attempt: job.attempt)
        return true
    }

    private func checkFinished(_ recovery: inout Recovery) throws(StoreError) {
        let finished = try read { (connection) throws(StoreError) in
            try connection.rows(
                """
                SELECT number, id, file_bytes, file_sha256 FROM job WHERE state = 'completed' AND file_gone = 0
                ORDER BY number
                """
            ) { (row: inout Row) throws(StoreError) in
                (number: try row.integer(), id: try JobRow.id(try row.text()), output: try JobRow.output(&row))
            }
        }
        for (number, id, output) in finished {
            if let output, try outputs.seemsFinished(id, output) { continue }
            if try outputs.putAway(id) { recovery.quarantined.append(id) }
            try write(isVital: true) { (changes) throws(StoreError) in
                try changes.fail(number, Self.outputLost)
            }
            recovery.lost.append(id)
        }
    }

    /// Removes the files of jobs that have none; what belongs to no job stays where it is.
    private func removeLeftovers() throws(StoreError) {
        let jobs = try read { (connection) throws(StoreError) in
            try connection.rows("SELECT id, state = 'completed' AND file_gone = 0 FROM job") {
                (row: inout Row) throws(StoreError) in
                (id: try JobRow.id(try row.text()), hasFile: try row.integer() != 0)
            }
        }
        let known = Dictionary(jobs.map { ($0.id, $0.hasFile) }) { first, _ in first }
        try outputs.removeLeftovers(of: Set(known.keys), waiting: Set(try queue().map(\.id)))
        for id in try outputs.finished() where known[id] == false { outputs.remove(id) }
        try write(isVital: true) { (changes) throws(StoreError) in try self.removeInputs(changes) }
    }
}
