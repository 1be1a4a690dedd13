import Synchronization
import Threads

/// Runs what one call of a provider does on threads of its own.
///
/// A provider that blocks its thread must not keep the router's timers, or other providers, from theirs.
final class CallThread: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isRunning = false
    }

    private let state = Mutex(State())

    func enqueue(_ job: UnownedJob) {
        let mustStart = state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { start() }
    }

    /// The thread lives as long as there is something to do.
    private func start() {
        guard let thread = OwnThread({ self.run() }) else {
            // None to be had: better on this one than never.
            return run()
        }
        thread.detach()
    }

    private func run() {
        while let job = next() { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob? {
        state.withLock { state in
            guard state.jobs.isEmpty else { return state.jobs.removeFirst() }
            state.isRunning = false
            return nil
        }
    }
}
