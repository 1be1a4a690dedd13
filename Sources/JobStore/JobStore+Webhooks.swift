import VideoTypes

extension JobStore {
    /// The longest that a delivery waits for its next try.
    package static let longestDelaySeconds = 6 * 3600

    /// Which deliveries are meant, by the beginnings of their addresses.
    package enum DeliveryChoice: Sendable, Hashable {
        case all
        case below([String])
        case notBelow([String])
    }

    /// The deliveries whose time has come, the longest due first.
    package func dueDeliveries(
        limit: Int, _ choice: DeliveryChoice = .all
    ) throws(StoreError) -> [WebhookDelivery] {
        let now = clock.wall()
        let (beginnings, isBelow): ([String], Bool) =
            switch choice {
            case .all: ([], false)
            case .below(let beginnings): (beginnings, true)
            case .notBelow(let beginnings): (beginnings, false)
            }
        let list = JSONText.array(beginnings.map(JSONText.string)).description
        return try read { (connection) throws(StoreError) in
            // Due too far away: the clock was set back.
            try connection.rows(
                """
                SELECT delivery.number, message, id, url, kind, delivery.created_at, tries
                FROM delivery JOIN job ON job.number = delivery.job
                WHERE (due_at <= ? OR due_at > ?) AND ? = EXISTS (
                    SELECT 1 FROM json_each(?) WHERE lower(substr(url, 1, length(value))) = value)
                ORDER BY due_at, delivery.number LIMIT ?
                """,
                [
                    .integer(now), .integer(now + Self.longestDelaySeconds), .integer(isBelow ? 1 : 0), .text(list),
                    .integer(max(limit, 0)),
                ]
            ) { (row: inout Row) throws(StoreError) in
                let number = try row.integer()
                let message = try row.text()
                let id = try JobRow.id(try row.text())
                let url = try row.text()
                guard let kind = JobEvent.Kind(rawValue: try row.text()) else { throw .damaged("an unknown event") }
                return WebhookDelivery(
                    number: number, messageID: message, job: id, url: url, kind: kind, createdAt: try row.integer(),
                    tries: try row.integer())
            }
        }
    }

    package func delivered(_ delivery: WebhookDelivery) throws(StoreError) { try remove(delivery) }

    /// Nobody is to be told any more.
    package func giveUp(_ delivery: WebhookDelivery) throws(StoreError) { try remove(delivery) }

    /// Counts a try that failed.
    package func retry(_ delivery: WebhookDelivery, afterSeconds: Int) throws(StoreError) {
        let delay = min(max(afterSeconds, 0), Self.longestDelaySeconds)
        try write { (changes) throws(StoreError) in
            try changes.connection.run(
                "UPDATE delivery SET tries = tries + 1, due_at = ? WHERE number = ?",
                [.integer(changes.now + delay), .integer(delivery.number)])
            return
        }
    }

    private func remove(_ delivery: WebhookDelivery) throws(StoreError) {
        try write { (changes) throws(StoreError) in
            try changes.connection.run("DELETE FROM delivery WHERE number = ?", [.integer(delivery.number)])
            return
        }
    }
}
