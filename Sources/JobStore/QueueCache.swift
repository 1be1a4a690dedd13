import VideoTypes

/// The queue as it was read last: asked for at every poll, changed at every transition.
struct QueueCache {
    private(set) var jobs: [QueuedJob]?
    /// Counts changes of the queue.
    private(set) var version = 0
    /// What has been decoded, by the jobs' numbers.
    private(set) var works: [Int: WorkEstimate] = [:]

    mutating func forget() {
        jobs = nil
        version &+= 1
    }

    /// Keeps what was read when the queue had this version.
    mutating func remember(_ read: [QueuedJob], _ readVersion: Int) {
        works = Dictionary(read.map { ($0.number, $0.work) }) { first, _ in first }
        if readVersion == version { jobs = read }
    }

    /// The queue as the journal has it; jobs whose rows are damaged are left to the recovery.
    static func read(
        _ connection: Connection, _ works: [Int: WorkEstimate]
    ) throws(StoreError) -> [QueuedJob] {
        let sql: SQL = """
            SELECT number, id, owner, priority, created_at, crashes, work FROM job WHERE state = 'queued'
            """
        let jobs = try connection.rows(sql) { (row: inout Row) throws(StoreError) in try? job(&row, works) }
        let served = try connection.rows("SELECT owner, served FROM turn") { (row: inout Row) throws(StoreError) in
            (JobRow.owner(try row.text()), try row.integer())
        }
        return QueueOrder.sorted(jobs.compactMap(\.self), served: Dictionary(served) { first, _ in first })
    }

    private static func job(_ row: inout Row, _ works: [Int: WorkEstimate]) throws(StoreError) -> QueuedJob {
        let number = try row.integer()
        let id = try JobRow.id(try row.text())
        let owner = JobRow.owner(try row.text())
        let priority = try row.integer()
        let createdAt = try row.integer()
        let isSuspect = try row.integer() >= JobStore.suspectCrashes
        let text = try row.text()
        let work = if let known = works[number] { known } else { try StoredJSON.decode(WorkEstimate.self, text) }
        return QueuedJob(
            id: id, number: number, owner: owner, priority: priority, createdAt: createdAt, work: work,
            isSuspect: isSuspect)
    }
}
