/// In which order jobs are worked on: suspects last, then owners in turn, then each one's by priority, then by age.
enum QueueOrder {
    /// - Parameter served: for each owner a number that grows each time one of its jobs begins.
    static func sorted(_ jobs: [QueuedJob], served: [String?: Int]) -> [QueuedJob] {
        var served = served
        var latest = served.values.max() ?? 0
        var order: [QueuedJob] = []
        order.reserveCapacity(jobs.count)
        for isSuspect in [false, true] {
            // Each owner's jobs, the next one at the end: nobody's priority counts against others.
            var waiting = Dictionary(grouping: jobs.filter { $0.isSuspect == isSuspect }, by: \.owner)
                .mapValues { $0.sorted { ($1.priority, $0.number) > ($0.priority, $1.number) } }
            while !waiting.isEmpty {
                for owner in turns(waiting, served) {
                    guard let job = waiting[owner]?.popLast() else { continue }
                    order.append(job)
                    latest &+= 1
                    served[owner] = latest
                }
                waiting = waiting.filter { !$0.value.isEmpty }
            }
        }
        return order
    }

    /// Who was served longest ago comes first; of those who never were, the one whose next job is older.
    private static func turns(_ waiting: [String?: [QueuedJob]], _ served: [String?: Int]) -> [String?] {
        waiting.keys.sorted { left, right in
            let (one, other) = (served[left] ?? 0, served[right] ?? 0)
            return one == other ? waiting[left].next < waiting[right].next : one < other
        }
    }
}

extension [QueuedJob]? {
    fileprivate var next: Int { self?.last?.number ?? 0 }
}
