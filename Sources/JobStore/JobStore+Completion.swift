package import VideoTypes

extension JobStore {
    /// Takes over the clip that lies at the claim's `partPath`.
    ///
    /// First what is to come is noted, then the file gets its name, then the job is completed: whatever is cut off in
    /// between, the recovery finishes or undoes it.
    ///
    /// - Parameter sample: what the model of time shall learn from it.
    package func complete(
        _ claim: Claim, _ report: ClipReport, sample: (engine: String, sample: TimeSample)? = nil
    ) throws(StoreError) -> Bool {
        try complete(claim, report: try StoredJSON.encode(report), sample)
    }

    /// The same of a clip that a router had made.
    package func complete(_ claim: Claim, _ clip: VideoResult) throws(StoreError) -> Bool {
        try complete(claim, report: try StoredJSON.encode(clip), nil)
    }

    private func complete(
        _ claim: Claim, report: String, _ sample: (engine: String, sample: TimeSample)?
    ) throws(StoreError) -> Bool {
        let (id, attempt) = (claim.job.id, claim.attempt)
        // Outside of the lock: others need not wait for the disk.
        let sealed = try outputs.seal(id, attempt: attempt)
        let isGood = try exclusively { (connection) throws(StoreError) in
            guard try self.isGood(connection, claim) else { return false }
            let output = try self.published(connection, claim, report, sealed)
            try self.transaction(connection, isVital: true) { (changes) throws(StoreError) in
                try Self.finish(changes, claim.job.number, output, claim.job.order.expiresAfterSeconds)
                if let sample { try Self.add(changes, sample.sample, engine: sample.engine) }
                FailPoint.reached(.beforeCommit)
            }
            FailPoint.reached(.afterCommit)
            return true
        }
        outputs.removePart(id, attempt: attempt)
        if isGood { outputs.removeCheckpoint(id) }
        return isGood
    }

    /// Gives the clip its name after noting which it is; it may have it from a completion that was not written down.
    private func published(
        _ connection: Connection, _ claim: Claim, _ report: String, _ sealed: OutputFacts?
    ) throws(StoreError) -> OutputFacts {
        guard let sealed else {
            let noted = try Self.notedOutput(connection, claim.job.number)
            guard let noted, try outputs.holds(claim.job.id, noted) else {
                throw .outputMissing(claim.job.id)
            }
            return noted
        }
        try transaction(connection, isVital: true) { (changes) throws(StoreError) in
            _ = try Self.update(
                changes, claim, "UPDATE job SET report = ?, file_bytes = ?, file_sha256 = ?",
                [.text(report), .integer(sealed.byteCount), .text(sealed.sha256)])
        }
        try outputs.publish(claim.job.id, attempt: claim.attempt)
        return sealed
    }

    /// What a completion noted before it was cut off.
    static func notedOutput(_ connection: Connection, _ number: Int) throws(StoreError) -> OutputFacts? {
        let sql: SQL = "SELECT file_bytes, file_sha256 FROM job WHERE number = ?"
        return try connection.rows(sql, [.integer(number)], JobRow.output).first ?? nil
    }

    private func isGood(_ connection: Connection, _ claim: Claim) throws(StoreError) -> Bool {
        let sql: SQL = "SELECT 1 FROM job WHERE number = ? AND state = 'in_progress' AND attempt = ?"
        let place: [SQLValue] = [.integer(claim.job.number), .integer(claim.attempt)]
        return try !connection.rows(sql, place) { _ throws(StoreError) in }.isEmpty
    }

    /// Completes a job whose file has its name.
    static func finish(
        _ changes: Changes, _ number: Int, _ output: OutputFacts, _ expiresAfterSeconds: Int
    ) throws(StoreError) {
        let (expiresAt, isTooLate) = changes.now.addingReportingOverflow(max(0, expiresAfterSeconds))
        try changes.connection.run(
            """
            UPDATE job SET state = 'completed', finished_at = ?, expires_at = ?, lease_until = NULL WHERE number = ?
            """, [.integer(changes.now), .integer(isTooLate ? Int.max : expiresAt), .integer(number)])
        try changes.addEvent(
            number, .completed,
            ["status": "completed", "bytes": .integer(output.byteCount), "sha256": .string(output.sha256)])
        try changes.addDelivery(number, .completed)
    }
}
