/// What a sweep removed.
package struct Sweep: Sendable, Hashable {
    /// Jobs whose time was up.
    package var expired: [JobID] = []
    /// Jobs whose files made room for others.
    package var evicted: [JobID] = []
    package var purgedRows = 0
}

extension JobStore {
    /// How long the rows of jobs outlive their end.
    package static let rowSeconds = 30 * 86400

    /// Removes files that have expired, then the longest finished ones until the others
    /// fit into the quota; after 30 days their rows.
    ///
    /// A clock that may be wrong makes nothing old.
    package func sweep(quotaBytes: Int? = nil) throws(StoreError) -> Sweep {
        refillBallast()
        let isTrusted = isClockTrusted
        let sweep = try write(isVital: true) { (changes) throws(StoreError) in
            var sweep = Sweep()
            if isTrusted { sweep.expired = try Self.expired(changes) }
            if let quotaBytes {
                sweep.evicted = try evicted(changes, quotaBytes, at: isTrusted ? changes.now : Int.min)
            }
            for id in sweep.expired + sweep.evicted {
                try changes.connection.run("UPDATE job SET file_gone = 1 WHERE id = ?", [.text(id.description)])
            }
            // A job is entered with its pictures in one such turn: none of them is new here.
            try self.removeInputs(changes)
            guard isTrusted else { return sweep }
            try changes.connection.run(
                "DELETE FROM idempotency WHERE created_at <= ?", [.integer(changes.now - Self.keySeconds)])
            sweep.purgedRows = try changes.connection.run(
                """
                DELETE FROM job WHERE finished_at <= ? AND (state = 'failed' OR state = 'completed' AND file_gone = 1)
                """, [.integer(changes.now - Self.rowSeconds)])
            return sweep
        }
        for id in sweep.expired + sweep.evicted { outputs.remove(id) }
        return sweep
    }

    /// Removes the pictures of jobs that neither wait, nor run, nor have their clip.
    func removeInputs(_ changes: Changes) throws(StoreError) {
        let kept = try changes.connection.rows(
            "SELECT id FROM job WHERE state <> 'failed' AND file_gone = 0"
        ) { (row: inout Row) throws(StoreError) in try JobRow.id(try row.text()) }
        try outputs.removeInputs(but: Set(kept))
    }

    private static func expired(_ changes: Changes) throws(StoreError) -> [JobID] {
        try changes.connection.rows(
            "SELECT id FROM job WHERE state = 'completed' AND file_gone = 0 AND expires_at <= ? ORDER BY expires_at",
            [.integer(changes.now)]
        ) { (row: inout Row) throws(StoreError) in try JobRow.id(try row.text()) }
    }

    /// A clip counts with the pictures that it was made from.
    private func evicted(_ changes: Changes, _ quotaBytes: Int, at now: Int) throws(StoreError) -> [JobID] {
        let files = try changes.connection.rows(
            """
            SELECT id, file_bytes FROM job WHERE state = 'completed' AND file_gone = 0 AND expires_at > ?
            ORDER BY finished_at DESC, number DESC
            """, [.integer(now)]
        ) { (row: inout Row) throws(StoreError) in
            (id: try JobRow.id(try row.text()), bytes: try row.integerOrNull() ?? 0)
        }
        let pictures = try outputs.inputBytes()
        var room = max(quotaBytes, 0)
        // From the newest on: what does not fit goes, and all that is older. The newest itself stays: whoever waited
        // for it has not had it yet.
        let kept = files.prefix {
            let bytes = max($0.bytes, 0) + pictures[$0.id, default: 0]
            guard bytes <= room else { return false }
            room -= bytes
            return true
        }
        return files.dropFirst(max(1, kept.count)).map(\.id).reversed()
    }
}
