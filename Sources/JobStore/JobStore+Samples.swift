package import VideoTypes

extension JobStore {
    /// How many samples are kept of an engine.
    package static let sampleLimit = 1000

    /// Keeps how long a clip took on an engine.
    package func add(_ sample: TimeSample, engine: String) throws(StoreError) {
        try write { (changes) throws(StoreError) in try Self.add(changes, sample, engine: engine) }
    }

    static func add(_ changes: Changes, _ sample: TimeSample, engine: String) throws(StoreError) {
        try changes.connection.run(
            "INSERT INTO sample (engine, body) VALUES (?, ?)",
            [.text(engine), .text(try StoredJSON.encode(sample))])
        try changes.connection.run(
            """
            DELETE FROM sample WHERE engine = ?1 AND number <= (
                SELECT number FROM sample WHERE engine = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
            """, [.text(engine), .integer(sampleLimit)])
    }

    /// An engine's samples, the oldest first.
    package func samples(engine: String) throws(StoreError) -> [TimeSample] {
        try samples(where: " WHERE engine = ? ORDER BY number", [.text(engine)]).map(\.sample)
    }

    /// An engine's samples in the journal of a folder, beside the service that may be at work there; none where there
    /// is no journal.
    package static func samples(in folder: String, engine: String) -> [TimeSample] {
        guard let path = try? StateFolder.realPath(folder), StateFolder.holdsJournal(path),
            let connection = try? Connection(path + "/jobs.db", canWrite: false)
        else { return [] }
        let sql: SQL = "SELECT body FROM sample WHERE engine = ? ORDER BY number"
        let samples = try? connection.rows(sql, [.text(engine)]) { (row: inout Row) throws(StoreError) in
            try StoredJSON.decode(TimeSample.self, try row.text())
        }
        return samples ?? []
    }

    /// All samples by engine.
    package func samples() throws(StoreError) -> [String: [TimeSample]] {
        Dictionary(grouping: try samples(where: " ORDER BY number", []), by: \.engine).mapValues { $0.map(\.sample) }
    }

    private func samples(
        where condition: SQL, _ values: [SQLValue]
    ) throws(StoreError) -> [(engine: String, sample: TimeSample)] {
        try read { (connection) throws(StoreError) in
            let sql: SQL = "SELECT engine, body FROM sample"
            return try connection.rows(sql + condition, values) { (row: inout Row) throws(StoreError) in
                (try row.text(), try StoredJSON.decode(TimeSample.self, try row.text()))
            }
        }
    }
}
