import Compute

/// The values used last, by what decides them.
final class RecentlyUsed<Key: Hashable, Value> {
    private var entries: [Key: (value: Value, usedAt: Int)] = [:]
    private var clock = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    func value(_ key: Key, orMake make: () throws(ComputeError) -> Value) throws(ComputeError) -> Value {
        clock += 1
        if let entry = entries[key] {
            entries[key]?.usedAt = clock
            return entry.value
        }
        let value = try make()
        if entries.count >= limit, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            entries[oldest.key] = nil
        }
        entries[key] = (value, clock)
        return value
    }
}
