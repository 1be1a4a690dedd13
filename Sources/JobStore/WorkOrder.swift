/// In which order jobs are worked on: suspects last, then by priority, then owners in turn, then by age.
enum WorkOrder {
    private struct Rank: Hashable, Comparable {
        let isSuspect: Bool
        let priority: Int

        static func < (left: Rank, right: Rank) -> Bool {
            left.isSuspect == right.isSuspect ? left.priority > right.priority : right.isSuspect
        }
    }

    /// - Parameter served: for each owner a number that grows each time one of its jobs begins.
    static func sorted(_ jobs: [QueuedJob], served: [String?: Int]) -> [QueuedJob] {
        var served = served
        var latest = served.values.max() ?? 0
        var order: [QueuedJob] = []
        order.reserveCapacity(jobs.count)
        let ranks = Dictionary(grouping: jobs) { Rank(isSuspect: $0.isSuspect, priority: $0.priority) }
        for (_, jobs) in ranks.sorted(by: { $0.key < $1.key }) {
            // Each owner's jobs, the oldest at the end.
            var waiting = Dictionary(grouping: jobs, by: \.owner).mapValues { $0.sorted { $0.number > $1.number } }
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

    /// Who was served longest ago comes first; of those who never were, the one with the oldest job.
    private static func turns(_ waiting: [String?: [QueuedJob]], _ served: [String?: Int]) -> [String?] {
        waiting.keys.sorted { left, right in
            let (one, other) = (served[left] ?? 0, served[right] ?? 0)
            return one == other ? waiting[left].oldest < waiting[right].oldest : one < other
        }
    }
}

extension [QueuedJob]? {
    fileprivate var oldest: Int { self?.last?.number ?? 0 }
}
