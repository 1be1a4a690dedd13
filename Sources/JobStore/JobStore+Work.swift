package import VideoTypes

/// What workers say about jobs.
///
/// Every word but the first carries a claim, and changes nothing where the claim is no longer good: then the answer is
/// false.
extension JobStore {
    /// Workers' deaths after which a job is suspected to be the cause.
    static let suspectCrashes = 2

    /// The next job in the order of work; nil where none waits.
    ///
    /// The attempt counts from now on, whatever becomes of it.
    package func claim(leaseSeconds: Double) throws(StoreError) -> Claim? {
        let claim = try write { (changes) throws(StoreError) -> Claim? in
            for queued in try self.queue(changes.connection) {
                try self.begin(changes, queued, leaseSeconds)
                do throws(StoreError) {
                    guard let job = try Self.job(changes.connection, number: queued.number) else { continue }
                    try changes.addStatus(job.number, .inProgress, attempt: job.attempt)
                    return Claim(job: job, attempt: job.attempt)
                } catch {
                    guard case .damaged = error else { throw error }
                    try changes.fail(queued.number, Self.unreadable)
                }
            }
            return nil
        }
        if claim != nil { FailPoint.reached(.afterClaim) }
        return claim
    }

    static let unreadable = VideoError(.internalError, "the job's entry in the journal is damaged")

    private func begin(_ changes: Changes, _ job: QueuedJob, _ leaseSeconds: Double) throws(StoreError) {
        try changes.connection.run(
            """
            UPDATE job SET state = 'in_progress', attempt = attempt + 1, started_at = ?, lease_until = ?, claimant = ?,
            stage = NULL, step = NULL, steps = NULL WHERE number = ? AND state = 'queued'
            """,
            [
                .integer(changes.now), .real(try time.now(changes.connection) + leaseSeconds), .text(claimant),
                .integer(job.number),
            ])
        try changes.connection.run(
            """
            INSERT INTO turn (owner, served) VALUES (?, (SELECT coalesce(max(served), 0) + 1 FROM turn))
            ON CONFLICT (owner) DO UPDATE SET served = excluded.served
            """, [JobRow.text(job.owner)])
    }

    /// Says that the worker is alive.
    package func renew(_ claim: Claim, leaseSeconds: Double) throws(StoreError) -> Bool {
        try write { (changes) throws(StoreError) in
            let until = SQLValue.real(try self.time.now(changes.connection) + leaseSeconds)
            return try Self.update(changes, claim, "UPDATE job SET lease_until = ?", [until])
        }
    }

    package func record(_ claim: Claim, _ progress: VideoProgress) throws(StoreError) -> Bool {
        try write { (changes) throws(StoreError) in
            let values: [SQLValue] = [
                .text(progress.stage.rawValue), .integer(progress.completed), .integer(progress.total),
            ]
            let sql: SQL = "UPDATE job SET stage = ?, step = ?, steps = ?"
            guard try Self.update(changes, claim, sql, values) else { return false }
            try changes.addEvent(
                claim.job.number, .progress,
                [
                    "stage": .string(progress.stage.rawValue), "completed": .integer(progress.completed),
                    "total": .integer(progress.total),
                ])
            return true
        }
    }

    /// The engine could not make the clip; a failure that may pass is tried again while attempts are left.
    package func fail(_ claim: Claim, _ error: VideoError, mayRetry: Bool) throws(StoreError) -> Bool {
        try end(claim) { (changes, counted) throws(StoreError) in
            if mayRetry, counted < Self.maxAttempts {
                try Self.requeue(changes, claim.job.number, claim.attempt)
            } else {
                try changes.fail(claim.job.number, error)
            }
        }
    }

    /// Hands the job back: the worker died, or, where the attempt does not count, it is wanted for something else.
    package func release(_ claim: Claim, countsAttempt: Bool) throws(StoreError) -> Bool {
        try end(claim) { (changes, counted) throws(StoreError) in
            if countsAttempt {
                try Self.noteCrash(changes, claim.job.number, claim.attempt, counted)
            } else {
                try Self.excuse(changes, claim.job.number, claim.attempt)
            }
        }
    }

    /// Takes the jobs from workers that have not been heard of for too long; they count as dead.
    package func expireLeases() throws(StoreError) -> [Claim] {
        let now = SQLValue.real(time.mine)
        let late = try read { (connection) throws(StoreError) in
            let sql: SQL = " WHERE state = 'in_progress' AND lease_until < ? ORDER BY number"
            return try connection.rows(JobRow.columns + sql, [now], JobRow.job)
        }
        var expired: [Claim] = []
        for job in late {
            let claim = Claim(job: job, attempt: job.attempt)
            let isEnded = try end(claim, where: " AND lease_until < ?", [now]) {
                (changes, counted) throws(StoreError) in
                guard job.order.routed == nil else { return try Self.excuse(changes, job.number, job.attempt) }
                try Self.noteCrash(changes, job.number, job.attempt, counted)
            }
            if isEnded { expired.append(claim) }
        }
        return expired
    }

    /// Ends an attempt without a clip: `change` is given how many attempts have counted, this one included.
    private func end(
        _ claim: Claim, where condition: SQL = "", _ values: [SQLValue] = [],
        _ change: (Changes, Int) throws(StoreError) -> Void
    ) throws(StoreError) -> Bool {
        let isGood = try write(isVital: true) { (changes) throws(StoreError) in
            let sql: SQL =
                "SELECT attempt - excused FROM job WHERE number = ? AND state = 'in_progress' AND attempt = ?"
            let place: [SQLValue] = [.integer(claim.job.number), .integer(claim.attempt)]
            let counted = try changes.connection.rows(sql + condition, place + values) {
                (row: inout Row) throws(StoreError) in try row.integer()
            }
            guard let counted = counted.first else { return false }
            try change(changes, counted)
            // There is one where a completion could not be written down.
            self.outputs.remove(claim.job.id)
            return true
        }
        outputs.removePart(claim.job.id, attempt: claim.attempt)
        return isGood
    }

    /// Hands back what is made elsewhere: this service's end says nothing about it.
    static func excuse(_ changes: Changes, _ number: Int, _ attempt: Int) throws(StoreError) {
        try changes.connection.run("UPDATE job SET excused = excused + 1 WHERE number = ?", [.integer(number)])
        try requeue(changes, number, attempt)
    }

    static func noteCrash(_ changes: Changes, _ number: Int, _ attempt: Int, _ counted: Int) throws(StoreError) {
        try changes.connection.run("UPDATE job SET crashes = crashes + 1 WHERE number = ?", [.integer(number)])
        if counted < maxAttempts { return try requeue(changes, number, attempt) }
        try changes.fail(
            number,
            VideoError(
                .workerCrashed, "the process that makes clips died during each of \(counted) attempts",
                remedies: ["try a smaller clip", "\(.doctor) checks the machine"]))
    }

    private static func requeue(_ changes: Changes, _ number: Int, _ attempt: Int) throws(StoreError) {
        try changes.connection.run(
            """
            UPDATE job SET state = 'queued', started_at = NULL, lease_until = NULL, stage = NULL, step = NULL,
            steps = NULL, report = NULL, file_bytes = NULL, file_sha256 = NULL WHERE number = ?
            """, [.integer(number)])
        try changes.addStatus(number, .queued, attempt: attempt)
    }

    /// Changes the job if the claim is still good.
    static func update(
        _ changes: Changes, _ claim: Claim, _ sql: SQL, _ values: [SQLValue]
    ) throws(StoreError) -> Bool {
        let condition: SQL = " WHERE number = ? AND state = 'in_progress' AND attempt = ?"
        let place: [SQLValue] = [.integer(claim.job.number), .integer(claim.attempt)]
        return try changes.connection.run(sql + condition, values + place) == 1
    }
}
