import Compute
import Threads

/// Compiles modules on threads of its own; whoever needs one that is not begun compiles it himself.
final class BackgroundCompiler: Sendable {
    typealias Outcome = Result<Cubin, ComputeError>
    /// Gives the machine code of a module; called on any thread.
    typealias Work = @Sendable (Int) -> Outcome

    private enum Job {
        case waiting, running
        case done(Outcome)
    }

    private let jobs: Monitor<[Job]>
    private let work: Work
    private let threads: [OwnThread]

    /// - Parameters:
    ///   - count: number of modules, begun in order.
    ///   - threads: how many are compiled at once.
    ///   - work: compiles one.
    init(count: Int, threads: Int, _ work: @escaping Work) {
        let jobs = Monitor([Job](repeating: .waiting, count: count))
        self.jobs = jobs
        self.work = work
        self.threads = (0..<min(threads, count)).compactMap { _ in
            OwnThread { Self.run(jobs, work) }
        }
    }

    /// Waits for the modules that are being compiled; nobody needs the others any more.
    deinit {
        jobs.change { jobs in
            for index in jobs.indices {
                if case .waiting = jobs[index] { jobs[index] = .running }
            }
        }
        for thread in threads { thread.join() }
    }

    /// The machine code of a module, compiled here and now if nobody has begun.
    func outcome(_ index: Int) -> Outcome {
        let isMine = jobs.change { jobs in
            guard case .waiting = jobs[index] else { return false }
            jobs[index] = .running
            return true
        }
        if isMine { Self.finish(index, jobs, work) }
        return jobs.wait { jobs in
            guard case .done(let outcome) = jobs[index] else { return nil }
            return outcome
        }
    }

    private static func run(_ jobs: Monitor<[Job]>, _ work: Work) {
        while true {
            let next: Int? = jobs.change { jobs in
                for index in jobs.indices {
                    guard case .waiting = jobs[index] else { continue }
                    jobs[index] = .running
                    return index
                }
                return nil
            }
            guard let next else { return }
            finish(next, jobs, work)
        }
    }

    private static func finish(_ index: Int, _ jobs: Monitor<[Job]>, _ work: Work) {
        let outcome = work(index)
        jobs.change { $0[index] = .done(outcome) }
    }
}
