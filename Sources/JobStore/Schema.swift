/// The tables of the journal.
enum Schema {
    static let version = 2
    private static let tables: [SQL] = [
        """
        CREATE TABLE job (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            state TEXT NOT NULL,
            priority INTEGER NOT NULL,
            request_hash TEXT NOT NULL,
            what TEXT NOT NULL,
            work TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            expires_at INTEGER,
            attempt INTEGER NOT NULL DEFAULT 0,
            excused INTEGER NOT NULL DEFAULT 0,
            crashes INTEGER NOT NULL DEFAULT 0,
            lease_until REAL,
            stage TEXT,
            step INTEGER,
            steps INTEGER,
            report TEXT,
            file_bytes INTEGER,
            file_sha256 TEXT,
            error TEXT,
            file_gone INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX job_by_state ON job (state, number)",
        "CREATE INDEX job_by_age ON job (owner, created_at, number)",
        "CREATE INDEX job_by_request ON job (request_hash, owner, created_at)",
        "CREATE INDEX job_by_end ON job (finished_at, number)",
        """
        CREATE TABLE event (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            body TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX event_by_job ON event (job, number)",
        """
        CREATE TABLE idempotency (
            owner TEXT NOT NULL,
            key TEXT NOT NULL,
            request_hash TEXT NOT NULL,
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (owner, key)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX idempotency_by_job ON idempotency (job)",
        "CREATE TABLE turn (owner TEXT NOT NULL PRIMARY KEY, served INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        """
        CREATE TABLE sample (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            engine TEXT NOT NULL,
            body TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX sample_by_engine ON sample (engine, number)",
        """
        CREATE TABLE delivery (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            message TEXT NOT NULL UNIQUE,
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            url TEXT NOT NULL,
            kind TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            due_at INTEGER NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX delivery_by_due ON delivery (due_at, number)",
        "CREATE INDEX delivery_by_job ON delivery (job)",
    ]

    /// Makes the tables where there are none, and refuses what is not ours or is damaged.
    static func prepare(_ connection: Connection) throws(StoreError) {
        let found = try number(connection, "PRAGMA user_version")
        let tableCount = try number(connection, "SELECT count(*) FROM sqlite_schema")
        if found == 0, tableCount == 0 { return try create(connection) }
        guard try number(connection, "PRAGMA application_id") == JournalHead.applicationID else {
            throw .damaged("jobs.db is not a journal of wan-infer")
        }
        guard found <= version else { throw .newerSchema(found: found, known: version) }
        guard found >= 1 else { throw .damaged("no journal has version \(found)") }
        let complaints = try connection.rows("PRAGMA quick_check(1)") { (row: inout Row) throws(StoreError) in
            try row.text()
        }
        guard complaints == ["ok"] else { throw .damaged(complaints.first ?? "the check says nothing") }
        if found == 1 { try bringFromOne(connection) }
    }

    /// What came with version 2: who claimed a job, and the journal's own time.
    private static let second: [SQL] = [
        "ALTER TABLE job ADD COLUMN claimant TEXT", "CREATE TABLE passed (seconds REAL NOT NULL) STRICT",
        "INSERT INTO passed VALUES (0)",
    ]

    /// Leases of the older program were told in the time of a machine that may have been started again since; its jobs
    /// belong to this folder, and are taken back at once.
    private static func bringFromOne(_ connection: Connection) throws(StoreError) {
        try connection.transaction { () throws(StoreError) in
            for change in second { try connection.run(change) }
            try connection.run("PRAGMA user_version = 2")
        }
    }

    private static func create(_ connection: Connection) throws(StoreError) {
        try connection.transaction { () throws(StoreError) in
            for table in tables + second { try connection.run(table) }
            try connection.run("PRAGMA user_version = 2")
        }
    }

    private static func number(_ connection: Connection, _ sql: SQL) throws(StoreError) -> Int {
        let found = try connection.rows(sql) { (row: inout Row) throws(StoreError) in try row.integer() }
        guard let number = found.first else { throw .damaged("a count is missing") }
        return number
    }
}
