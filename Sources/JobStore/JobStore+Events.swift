extension JobStore {
    /// What happened to a job behind an event.
    package func events(
        of id: JobID, after number: Int, limit: Int = 1000
    ) throws(StoreError) -> [JobEvent] {
        try read { (connection) throws(StoreError) in
            try connection.rows(
                """
                SELECT event.number, id, kind, body FROM job JOIN event ON event.job = job.number
                WHERE id = ? AND event.number > ? ORDER BY event.number LIMIT ?
                """, [.text(id.description), .integer(number), .integer(max(limit, 0))]
            ) { (row: inout Row) throws(StoreError) in try Self.event(&row) }
        }
    }

    /// What happened to all jobs behind an event.
    package func events(after number: Int, limit: Int = 1000) throws(StoreError) -> [JobEvent] {
        try read { (connection) throws(StoreError) in
            try connection.rows(
                """
                SELECT event.number, id, kind, body FROM event JOIN job ON job.number = event.job
                WHERE event.number > ? ORDER BY event.number LIMIT ?
                """, [.integer(number), .integer(max(limit, 0))]
            ) { (row: inout Row) throws(StoreError) in try Self.event(&row) }
        }
    }

    private static func event(_ row: inout Row) throws(StoreError) -> JobEvent {
        let number = try row.integer()
        let id = try JobRow.id(try row.text())
        guard let kind = JobEvent.Kind(rawValue: try row.text()) else { throw .damaged("an unknown event") }
        return JobEvent(number: number, job: id, kind: kind, text: try row.text())
    }

    /// Waits until something happens to a job behind an event.
    ///
    /// Empty where the time is up, the job is gone, or nobody shall wait any longer. Blocks its thread.
    package func waitForEvents(
        of id: JobID, after number: Int, seconds: Double
    ) throws(StoreError) -> [JobEvent] {
        let deadline = EventBell.deadline(in: seconds)
        while true {
            let state = bell.state
            let events = try events(of: id, after: number)
            if !events.isEmpty || state.isMuted || EventBell.deadline(in: 0) >= deadline { return events }
            guard try job(id) != nil else { return [] }
            bell.wait(rings: state.rings, until: deadline)
        }
    }

    /// The number of the newest event of all jobs.
    package var lastEvent: Int { bell.state.last }

    /// Waits until there is an event behind a number, of any job, and answers the newest one's.
    ///
    /// Blocks its thread.
    package func wait(after number: Int, seconds: Double) -> Int {
        let deadline = EventBell.deadline(in: seconds)
        while true {
            let state = bell.state
            if state.last > number || state.isMuted || EventBell.deadline(in: 0) >= deadline { return state.last }
            bell.wait(rings: state.rings, until: deadline)
        }
    }

    /// Wakes all who wait; from now on nobody does.
    package func endWaiting() { bell.mute() }
}
