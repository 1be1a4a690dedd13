import VideoTypes

/// What one transaction does; confined to it.
final class Changes {
    let connection: Connection
    let now: Int
    private(set) var newestEvent: Int?
    /// Whether a job came into the queue, left it, or is gone.
    private(set) var touchesQueue = false

    init(_ connection: Connection, _ clock: StoreClock) {
        self.connection = connection
        now = clock.wall()
    }

    func noteQueue() { touchesQueue = true }

    func addEvent(_ job: Int, _ kind: JobEvent.Kind, _ body: JSONText) throws(StoreError) {
        try connection.run(
            "INSERT INTO event (job, at, kind, body) VALUES (?, ?, ?, ?)",
            [.integer(job), .integer(now), .text(kind.rawValue), .text(body.description)])
        newestEvent = connection.lastRow
    }

    func addStatus(_ job: Int, _ state: Job.State, attempt: Int) throws(StoreError) {
        touchesQueue = true
        try addEvent(job, .status, ["status": .string(state.rawValue), "attempt": .integer(attempt)])
    }

    /// Makes a job failed, whatever it was, and tells everybody.
    func fail(_ job: Int, _ error: VideoError) throws(StoreError) {
        try connection.run(
            """
            UPDATE job SET state = 'failed', error = ?, finished_at = ?, lease_until = NULL, file_bytes = NULL,
            file_sha256 = NULL, report = NULL WHERE number = ?
            """, [.text(try StoredJSON.encode(error)), .integer(now), .integer(job)])
        touchesQueue = true
        let body: JSONText = ["code": .string(error.code.name), "message": .string(error.message)]
        try addEvent(job, .failed, ["status": "failed", "error": body])
        try addDelivery(job, .failed)
    }

    /// Puts a webhook into the outbox where the job's order names one.
    func addDelivery(_ job: Int, _ kind: JobEvent.Kind) throws(StoreError) {
        let url = try connection.rows("SELECT what FROM job WHERE number = ?", [.integer(job)]) {
            (row: inout Row) throws(StoreError) in try? StoredJSON.decode(JobOrder.self, try row.text()).webhook
        }
        guard let url = url.first ?? nil else { return }
        try connection.run(
            "INSERT INTO delivery (message, job, url, kind, created_at, due_at) VALUES (?, ?, ?, ?, ?, ?)",
            [
                .text("msg_" + JobID().description.dropFirst(6)), .integer(job), .text(url), .text(kind.rawValue),
                .integer(now), .integer(now),
            ])
    }
}
