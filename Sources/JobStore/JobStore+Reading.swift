import VideoTypes

/// Some jobs of a list, and whether there are more behind them.
package struct JobPage: Sendable, Hashable {
    package let jobs: [Job]
    package let hasMore: Bool
}

/// Figures for the metrics.
package struct StoreCounts: Sendable, Hashable {
    package let jobs: [Job.State: Int]
    /// Of finished clips that are still there.
    package let outputBytes: Int
    package let pendingDeliveries: Int
}

extension JobStore {
    package func job(_ id: JobID) throws(StoreError) -> Job? {
        try read { (connection) throws(StoreError) in
            let sql: SQL = " WHERE id = ?"
            return try connection.rows(JobRow.columns + sql, [.text(id.description)], JobRow.job).first
        }
    }

    /// The job if it is this owner's; nil is the owner of jobs that nobody's key made.
    package func job(_ id: JobID, owner: String?) throws(StoreError) -> Job? {
        guard let job = try job(id), job.owner == owner else { return nil }
        return job
    }

    /// An owner's jobs by age; nil where `after` is not one of them.
    package func page(
        owner: String?, after: JobID?, limit: Int, ascending: Bool
    ) throws(StoreError) -> JobPage? {
        let limit = min(max(limit, 1), 1000)
        return try read { (connection) throws(StoreError) in
            var from: (createdAt: Int, number: Int) = ascending ? (Int.min, Int.min) : (Int.max, Int.max)
            if let after {
                let found = try connection.rows(
                    "SELECT created_at, number FROM job WHERE id = ? AND owner = ?",
                    [.text(after.description), JobRow.text(owner)]
                ) { (row: inout Row) throws(StoreError) in (try row.integer(), try row.integer()) }
                guard let place = found.first else { return nil }
                from = place
            }
            let upwards: SQL =
                " WHERE owner = ? AND (created_at, number) > (?, ?) ORDER BY created_at, number LIMIT ?"
            let downwards: SQL =
                " WHERE owner = ? AND (created_at, number) < (?, ?) ORDER BY created_at DESC, number DESC LIMIT ?"
            // One that cannot be read does not hide the others.
            let jobs = try connection.rows(
                JobRow.columns + (ascending ? upwards : downwards),
                [JobRow.text(owner), .integer(from.createdAt), .integer(from.number), .integer(limit + 1)]
            ) { (row: inout Row) throws(StoreError) in try? JobRow.job(&row) }
            return JobPage(jobs: jobs.prefix(limit).compactMap(\.self), hasMore: jobs.count > limit)
        }
    }

    /// The jobs that wait, in the order in which they will be worked on.
    package func queue() throws(StoreError) -> [QueuedJob] {
        try read { (connection) throws(StoreError) in try self.queue(connection) }
    }

    /// The jobs that are being worked on.
    package func running() throws(StoreError) -> [Job] {
        try read { (connection) throws(StoreError) in
            let sql: SQL = " WHERE state = 'in_progress' ORDER BY number"
            return try connection.rows(JobRow.columns + sql, [], JobRow.job)
        }
    }

    /// Jobs that are not finished: those for a router, and those for a worker of ours.
    package func unfinished() throws(StoreError) -> (routed: Int, planned: Int) {
        let open = try read { (connection) throws(StoreError) in
            let sql: SQL = " WHERE state IN ('queued', 'in_progress')"
            return try connection.rows(JobRow.columns + sql) { (row: inout Row) throws(StoreError) in
                try? JobRow.job(&row).order.routed != nil
            }
        }
        return (open.count { $0 == true }, open.count { $0 == false })
    }

    /// Those of them that this service claimed before it was started again, or an older program in its folder.
    func claimedBefore() throws(StoreError) -> [Job] {
        try read { (connection) throws(StoreError) in
            let sql: SQL = " WHERE state = 'in_progress' AND coalesce(claimant, ?1) = ?1 ORDER BY number"
            return try connection.rows(JobRow.columns + sql, [.text(self.claimant)], JobRow.job)
        }
    }

    package func counts() throws(StoreError) -> StoreCounts {
        try read { (connection) throws(StoreError) in
            let states = try connection.rows("SELECT state, count(*) FROM job GROUP BY state") {
                (row: inout Row) throws(StoreError) in (Job.State(rawValue: try row.text()), try row.integer())
            }
            var jobs = Dictionary(uniqueKeysWithValues: Job.State.allCases.map { ($0, 0) })
            for (state, count) in states { if let state { jobs[state] = count } }
            return StoreCounts(
                jobs: jobs, outputBytes: try Self.outputBytes(connection),
                pendingDeliveries: try Self.number(connection, "SELECT count(*) FROM delivery"))
        }
    }

    static func job(_ connection: Connection, number: Int) throws(StoreError) -> Job? {
        let sql: SQL = " WHERE number = ?"
        return try connection.rows(JobRow.columns + sql, [.integer(number)], JobRow.job).first
    }

    static func outputBytes(_ connection: Connection) throws(StoreError) -> Int {
        try number(
            connection,
            """
            SELECT coalesce(sum(file_bytes), 0) FROM job WHERE state = 'completed' AND file_gone = 0
            """)
    }

    private static func number(_ connection: Connection, _ sql: SQL) throws(StoreError) -> Int {
        try connection.rows(sql) { (row: inout Row) throws(StoreError) in try row.integer() }.first ?? 0
    }
}
