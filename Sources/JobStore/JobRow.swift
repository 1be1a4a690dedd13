import VideoTypes

/// A job as a row of the journal.
enum JobRow {
    /// What `job(_:)` reads, in its order.
    static let columns: SQL = """
        SELECT id, number, owner, what, state, created_at, started_at, finished_at, expires_at, attempt, stage, step,
        steps, report, file_bytes, file_sha256, error, file_gone FROM job
        """

    static func job(_ row: inout Row) throws(StoreError) -> Job {
        let id = try id(try row.text())
        let number = try row.integer()
        let owner = owner(try row.text())
        let order = try StoredJSON.decode(JobOrder.self, try row.text())
        guard let state = Job.State(rawValue: try row.text()) else { throw .damaged("\(id) is in no known state") }
        var job = Job(
            id: id, number: number, owner: owner, order: order, state: state, createdAt: try row.integer(), attempt: 0,
            isFileGone: false)
        job.startedAt = try row.integerOrNull()
        job.finishedAt = try row.integerOrNull()
        job.expiresAt = try row.integerOrNull()
        job.attempt = try row.integer()
        job.progress = try progress(&row)
        // What is told of how it was made is not worth the clip.
        if let report = try row.textOrNull() {
            if job.order.routed == nil {
                job.report = try? StoredJSON.decode(ClipReport.self, report)
            } else {
                job.routedClip = try? StoredJSON.decode(VideoResult.self, report)
            }
        }
        job.output = try output(&row)
        if let error = try row.textOrNull() {
            job.error = (try? StoredJSON.decode(VideoError.self, error)) ?? JobStore.unreadable
        }
        job.isFileGone = try row.integer() != 0
        if !job.state.isFinal || job.state == .failed {
            // Noted before the file has its name; not yet, or never, a result.
            job.report = nil
            job.routedClip = nil
            job.output = nil
        }
        return job
    }

    static func output(_ row: inout Row) throws(StoreError) -> OutputFacts? {
        let bytes = try row.integerOrNull()
        let digest = try row.textOrNull()
        guard let bytes, let digest else { return nil }
        return OutputFacts(byteCount: bytes, sha256: digest)
    }

    private static func progress(_ row: inout Row) throws(StoreError) -> VideoProgress? {
        let name = try row.textOrNull()
        let completed = try row.integerOrNull()
        let total = try row.integerOrNull()
        guard let name, let completed, let total else { return nil }
        guard let stage = VideoProgress.Stage(rawValue: name) else { throw .damaged("an unknown stage") }
        return VideoProgress(stage: stage, completed: completed, total: total)
    }

    static func id(_ text: String) throws(StoreError) -> JobID {
        guard let id = JobID(text) else { throw .damaged("a job's id is none") }
        return id
    }

    /// No owner is kept as the empty text, so that it can be part of a key.
    static func owner(_ text: String) -> String? { text.isEmpty ? nil : text }
    static func text(_ owner: String?) -> SQLValue { .text(owner ?? "") }
}
