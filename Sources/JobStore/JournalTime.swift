import Synchronization

/// Seconds that have passed while somebody was at work with the journal: its own time, kept in it.
///
/// Leases are told in it. No clock that is set moves it, a machine that is started again goes on where it was, and all
/// who work with one journal mean the same moment: whoever is behind what another has written down catches up.
final class JournalTime: Sendable {
    private let clock: StoreClock
    /// What the journal's time is more than the machine's.
    private let offset: Mutex<Double>

    init(_ clock: StoreClock, passed: Double) {
        self.clock = clock
        offset = Mutex(passed - clock.boot())
    }

    /// The time now, written down for others.
    func now(_ connection: Connection) throws(StoreError) -> Double {
        let now = max(mine, try Self.passed(connection))
        offset.withLock { $0 = max($0, now - clock.boot()) }
        if try connection.run("UPDATE passed SET seconds = ?", [.real(now)]) == 0 {
            try connection.run("INSERT INTO passed VALUES (?)", [.real(now)])
        }
        return now
    }

    /// The time now, by one's own clock.
    var mine: Double { offset.withLock { $0 } + clock.boot() }

    /// What cannot be read begins anew: at worst a lease lasts longer than it should.
    static func passed(_ connection: Connection) throws(StoreError) -> Double {
        let found = try connection.rows("SELECT seconds FROM passed") { (row: inout Row) throws(StoreError) in
            try? row.real()
        }
        return found.compactMap(\.self).filter { $0.isFinite && $0 >= 0 }.max() ?? 0
    }
}
