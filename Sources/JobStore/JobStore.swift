import Glibc
import Synchronization

/// The journal of a service: every job, what became of it, and the files.
///
/// What a call has answered is on the disk. All calls may be made from any thread; they block until they are done.
package final class JobStore: Sendable {
    /// Attempts that count before a job is given up.
    package static let maxAttempts = 3

    package let outputs: JobFiles
    let clock: StoreClock
    let bell: EventBell
    let time: JournalTime
    /// By which our claims are known: the name that this service's folder has.
    let claimant: String
    private let folder: StateFolder
    private let ballast: Ballast
    /// The file that was opened; its number is nobody else's while it is open.
    private let journal: FileIdentity?
    private let writer: Mutex<Connection>
    private let readers: ReaderPool
    private let queueCache = Mutex(QueueCache())
    private let clockTrust: Mutex<ClockTrust>

    /// Opens the journal in a folder, which is made where it is not there, and keeps others out.
    package init(folder path: String, clock: StoreClock = .system) throws(StoreError) {
        folder = try StateFolder(path)
        self.clock = clock
        ballast = Ballast(folder)
        let (folder, ballast) = (folder, ballast)
        // First of all that is made: the folder is ours from now on, whatever becomes of this start.
        let (connection, claimant) = try ballast.spending { () throws(StoreError) in
            (try Self.open(folder), try folder.name())
        }
        self.claimant = claimant
        time = JournalTime(clock, passed: try JournalTime.passed(connection))
        journal = folder.identity(Self.journalName)
        outputs = try JobFiles(folder)
        ballast.refill()
        bell = EventBell(last: try Self.lastEvent(connection))
        clockTrust = Mutex(ClockTrust(clock, newest: try Self.newestTime(connection)))
        readers = ReaderPool(Self.path(folder))
        writer = Mutex(connection)
    }

    /// Why no job can be kept or made now, though nothing is wrong with the jobs; nil where all is well.
    package var trouble: StoreError? {
        guard folder.isInPlace else { return .moved(path: folder.path) }
        guard folder.identity(Self.journalName) == journal else { return .moved(path: Self.path(folder)) }
        return outputs.trouble
    }

    private static let journalName = "jobs.db"

    private static func path(_ folder: StateFolder) -> String { folder.path + "/" + journalName }

    private static func open(_ folder: StateFolder) throws(StoreError) -> Connection {
        close(try folder.file(journalName))
        let connection = try Connection(path(folder), canWrite: true)
        try Schema.prepare(connection)
        return connection
    }

    private static func lastEvent(_ connection: Connection) throws(StoreError) -> Int {
        // The counter, not the rows: those may be gone.
        let sql: SQL = "SELECT seq FROM sqlite_sequence WHERE name = 'event'"
        return try connection.rows(sql) { (row: inout Row) throws(StoreError) in try row.integer() }.first ?? 0
    }

    private static func newestTime(_ connection: Connection) throws(StoreError) -> Int? {
        let sql: SQL = "SELECT at FROM event ORDER BY number DESC LIMIT 1"
        return try connection.rows(sql) { (row: inout Row) throws(StoreError) in try row.integer() }.first
    }

    /// Whether what the clock calls old may be removed.
    var isClockTrusted: Bool { clockTrust.withLock { $0.isTrusted(clock) } }

    /// Takes room on the disk again that was given up.
    func refillBallast() { ballast.refill() }
}

/// How the parts of the store reach the journal.
extension JobStore {
    /// Changes that are made wholly or not at all.
    ///
    /// - Parameter isVital: whether the room kept for bad times may be used when the disk is full.
    func write<T: Sendable>(
        isVital: Bool = false, _ body: (Changes) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        try exclusively { (connection) throws(StoreError) in
            try self.transaction(connection, isVital: isVital, body)
        }
    }

    /// Keeps all others from writing during `body`.
    func exclusively<T: Sendable>(_ body: (Connection) throws(StoreError) -> T) throws(StoreError) -> T {
        try writer.withLock { (connection) throws(StoreError) in try body(connection) }
    }

    /// Inside `exclusively`.
    func transaction<T: Sendable>(
        _ connection: Connection, isVital: Bool, _ body: (Changes) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        guard isVital else { return try commit(connection, body) }
        return try ballast.spending { () throws(StoreError) in try self.commit(connection, body) }
    }

    private func commit<T: Sendable>(
        _ connection: Connection, _ body: (Changes) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        let changes = Changes(connection, clock)
        let result = try connection.transaction { () throws(StoreError) in try body(changes) }
        if changes.touchesQueue { queueCache.withLock { $0.forget() } }
        if changes.newestEvent != nil || changes.touchesQueue { bell.ring(changes.newestEvent) }
        return result
    }

    /// Reads beside the writer.
    func read<T: Sendable>(_ body: (Connection) throws(StoreError) -> T) throws(StoreError) -> T {
        try readers.read(body)
    }

    /// The queue as a connection sees it.
    func queue(_ connection: Connection) throws(StoreError) -> [QueuedJob] {
        let (cached, version, works) = queueCache.withLock { ($0.jobs, $0.version, $0.works) }
        if let cached { return cached }
        let jobs = try QueueCache.read(connection, works)
        queueCache.withLock { $0.remember(jobs, version) }
        return jobs
    }
}
