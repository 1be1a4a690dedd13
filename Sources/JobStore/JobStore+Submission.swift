package import VideoTypes

extension JobStore {
    /// For how long an idempotency key stands for its order.
    package static let keySeconds = 24 * 3600
    /// For how long a client that tries again without a key gets the job of its first try.
    package static let retrySeconds = 600

    /// Enters a job, unless it was entered before.
    ///
    /// - Parameters:
    ///   - pictures: those that the order's settings name; they are on the disk before the job is in the journal.
    ///   - idempotencyKey: of the client's choice; the same one with the same order is the same job.
    ///   - isRetry: whether the client says that it tries again, and may not have heard the answer to its first try.
    ///   - admit: asked before a new job is entered, with the queue as it is then; must not call the store. All are
    ///     admitted where it is nil.
    package func submit(
        _ order: JobOrder, pictures: [ReferenceImage] = [], owner: String?, idempotencyKey: String? = nil,
        isRetry: Bool = false, admit: (([QueuedJob]) -> Bool)? = nil
    ) throws(StoreError) -> Submission {
        let result = try write { (changes) throws(StoreError) in
            if let idempotencyKey {
                if let known = try self.known(changes, order, owner, key: idempotencyKey) { return known }
            } else if isRetry, let job = try self.recent(changes, order, owner) {
                return Submission.existing(job)
            }
            if let admit, !admit(try self.queue(changes.connection)) { return .refused }
            return .created(try self.insert(changes, order, pictures, owner, key: idempotencyKey))
        }
        if case .created = result { FailPoint.reached(.afterInsert) }
        return result
    }

    /// Whether such an order would be told of the job that it made before.
    package func isKnown(
        requestHash: String, owner: String?, idempotencyKey: String?, isRetry: Bool
    ) throws(StoreError) -> Bool {
        let now = clock.wall()
        return try read { (connection) throws(StoreError) in
            let sql: SQL
            let values: [SQLValue]
            if let idempotencyKey {
                sql = "SELECT 1 FROM idempotency WHERE owner = ? AND key = ? AND request_hash = ? AND created_at > ?"
                values = [
                    JobRow.text(owner), .text(idempotencyKey), .text(requestHash), .integer(now - Self.keySeconds),
                ]
            } else {
                guard isRetry else { return false }
                sql = "SELECT 1 FROM job WHERE owner = ? AND request_hash = ? AND created_at > ?"
                values = [JobRow.text(owner), .text(requestHash), .integer(now - Self.retrySeconds)]
            }
            return try !connection.rows(sql, values) { (row: inout Row) throws(StoreError) in
                try row.integer()
            }.isEmpty
        }
    }

    private func known(
        _ changes: Changes, _ order: JobOrder, _ owner: String?, key: String
    ) throws(StoreError) -> Submission? {
        let place = [JobRow.text(owner), .text(key)]
        let found = try changes.connection.rows(
            "SELECT request_hash, job, created_at FROM idempotency WHERE owner = ? AND key = ?", place
        ) { (row: inout Row) throws(StoreError) in
            (hash: try row.text(), job: try row.integer(), createdAt: try row.integer())
        }
        guard let found = found.first else { return nil }
        guard found.createdAt > changes.now - Self.keySeconds else {
            try changes.connection.run("DELETE FROM idempotency WHERE owner = ? AND key = ?", place)
            return nil
        }
        guard found.hash == order.requestHash else { return .keyReused }
        return try Self.job(changes.connection, number: found.job).map { .existing($0) }
    }

    private func recent(_ changes: Changes, _ order: JobOrder, _ owner: String?) throws(StoreError) -> Job? {
        let sql: SQL = " WHERE request_hash = ? AND owner = ? AND created_at > ? ORDER BY number DESC LIMIT 1"
        return try changes.connection.rows(
            JobRow.columns + sql,
            [.text(order.requestHash), JobRow.text(owner), .integer(changes.now - Self.retrySeconds)], JobRow.job
        ).first
    }

    private func insert(
        _ changes: Changes, _ order: JobOrder, _ pictures: [ReferenceImage], _ owner: String?, key: String?
    ) throws(StoreError) -> Job {
        let id = JobID()
        try outputs.keepInputs(id, pictures)
        let connection = changes.connection
        try connection.run(
            """
            INSERT INTO job (id, owner, state, priority, request_hash, what, work, created_at)
            VALUES (?, ?, 'queued', ?, ?, ?, ?, ?)
            """,
            [
                .text(id.description), JobRow.text(owner), .integer(order.priority), .text(order.requestHash),
                .text(try StoredJSON.encode(order)), .text(try StoredJSON.encode(order.work)),
                .integer(changes.now),
            ])
        let number = connection.lastRow
        if let key {
            try connection.run(
                "INSERT INTO idempotency (owner, key, request_hash, job, created_at) VALUES (?, ?, ?, ?, ?)",
                [
                    JobRow.text(owner), .text(key), .text(order.requestHash), .integer(number), .integer(changes.now),
                ])
        }
        try changes.addStatus(number, .queued, attempt: 0)
        return Job(
            id: id, number: number, owner: owner, order: order, state: .queued, createdAt: changes.now, attempt: 0,
            isFileGone: false)
    }
}
