import Glibc
import HTTPClient
import HTTPServer
import JobRunner
import JobStore
import Synchronization
import Threads
import VideoProvider
import VideoRouter
package import VideoTypes

/// The whole service: journal, runner, HTTP and webhooks; answers from the moment that it is made.
package final class Service: Sendable {
    private let options: ServiceOptions
    private let log: @Sendable (String) -> Void
    private let store: JobStore
    private let runner: JobRunner
    private let server: HTTPServer
    private let watch: JournalWatch
    private let sender: WebhookSender?
    private let stopping: StopFlag
    private let keys: CurrentKeys
    private let webhooks: WebhookPolicy
    private let threads = Mutex<[OwnThread]>([])

    package init(_ options: ServiceOptions, log: @escaping @Sendable (String) -> Void) throws(VideoError) {
        self.options = options
        self.log = log
        let keys = CurrentKeys(try ServiceParts.keys(options))
        let webhooks = try ServiceParts.webhooks(options, log: log)
        let kitchen = try ServiceParts.maker(options)
        let clock = ServiceClock.system
        let stopping = StopFlag()
        store = try ServiceParts.store(options, log: log)
        var runnerOptions = JobRunnerOptions(workerCommand: options.workerCommand)
        runnerOptions.maxQueued = options.maxQueued
        runnerOptions.maxQueuedSeconds = options.maxQueuedSeconds
        try ServiceParts.checkJobs(store, kitchen.maker)
        runnerOptions.router = ServiceParts.router(store, kitchen.maker, clock)
        runner = try JobRunner(store: store, options: runnerOptions, log: log)
        let lines = ServiceLog(isVerbose: options.isVerbose, write: log, now: clock.wall)
        let faults = FaultLog(lines, clock)
        let desk = VideoDesk(
            store: store, runner: runner, maker: kitchen.maker,
            webhooks: webhooks, economics: options.economics, expiresAfterSeconds: options.expiresAfterSeconds,
            faults: faults, modelName: kitchen.name, samplePrompt: kitchen.samplePrompt, limits: kitchen.limits)
        let metrics = MetricBook()
        let forecasts = Forecasts()
        let streams = Seats(limit: 32, perName: 4)
        let handler = ServiceHandler(
            keys: keys,
            videos: VideoRoutes(
                desk: desk, forecasts: forecasts, pictures: ClipPictures(), clock: clock, streams: streams,
                isStopping: { stopping.isSet }),
            service: ServiceRoutes(desk: desk, metrics: metrics, streams: streams, startedAt: clock.wall()),
            metrics: metrics, log: lines, clock: clock)
        watch = JournalWatch(
            store: store, metrics: metrics, forecasts: forecasts, economics: options.economics, log: lines,
            faults: faults,
            quotaBytes: options.quotaBytes, clock: clock)
        sender =
            webhooks.destinations == nil
            ? nil
            : WebhookSender(
                store: store, policy: webhooks, delayFactor: options.webhookDelayFactor, log: lines, faults: faults,
                now: clock.wall, object: { id in desk.object(id) })
        self.stopping = stopping
        self.keys = keys
        self.webhooks = webhooks
        let first = store.lastEvent
        server = try ServiceParts.server(options, handler)
        if case .router(let routed) = kitchen.maker {
            // Whoever asks for one of these clips meanwhile gets the same one.
            Task { _ = await routed.fleet.recover() }
        }
        try runner.start()
        try start { [watch] in watch.run(after: first) }
        for lane in sender?.lanes ?? [] { try start { [sender] in sender?.run(lane) } }
    }

    private func start(_ body: @escaping @Sendable () -> Void) throws(VideoError) {
        guard let thread = OwnThread(body) else {
            throw VideoError(.internalError, "no more threads can be started", hint: "raise the limit: ulimit -u")
        }
        threads.withLock { $0.append(thread) }
    }

    package var port: UInt16 { server.port }

    package var url: String {
        let address = ServiceParts.address(options)
        let host = address.contains(":") ? "[\(address)]" : address
        return "http://\(host):\(port)"
    }

    /// Takes no more work, lets the running job end or keeps its state, then ends; blocks.
    package func drain() {
        runner.drain(seconds: options.drainSeconds)
        end()
    }

    /// Ends now, and blocks only for what is being written; another thread may be draining.
    package func stop() {
        runner.stop()
        end()
    }

    private func end() {
        runner.join()
        let isFirst = stopping.set()
        guard isFirst else { return }
        watch.stop()
        sender?.stop()
        store.endWaiting()
        server.stop(afterSeconds: 2)
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in running { thread.join() }
    }

    // MARK: Signals

    /// Keeps the signals that mean something for `runUntilSignal`, and passes over those that mean nothing here; before
    /// any thread is started.
    package static func blockSignals() {
        var signals = handledSignals
        unsafe _ = pthread_sigmask(SIG_BLOCK, &signals, nil)
        for number in [SIGPIPE, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
    }

    private static var handledSignals: sigset_t {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGQUIT, SIGHUP] { unsafe sigaddset(&signals, number) }
        return signals
    }

    /// Works until SIGTERM, SIGINT or SIGQUIT, then drains; a second signal ends it now.
    ///
    /// SIGHUP reads keys and names of hosts again.
    package func runUntilSignal() {
        waitForEnd(whileNot: { false })
        let isIdle = runner.state.running == nil
        log("wan-infer: " + (isIdle ? "ending" : "finishing the running job; once more ends it now"))
        let isDrained = StopFlag()
        let thread = OwnThread { [self] in
            drain()
            _ = isDrained.set()
        }
        waitForEnd(whileNot: { isDrained.isSet })
        if !isDrained.isSet { stop() }
        thread?.join()
    }

    private func waitForEnd(whileNot isOver: () -> Bool) {
        var signals = Self.handledSignals
        var turn = timespec(tv_sec: 0, tv_nsec: 50_000_000)
        while !isOver() {
            switch unsafe sigtimedwait(&signals, nil, &turn) {
            // A terminal that is closed says the same.
            case SIGHUP: reload()
            case 1...: return
            default: continue
            }
        }
    }

    /// Reads keys and names of hosts again; where something is wrong with one of them, all stay as they were.
    package func reload() {
        do throws(VideoError) {
            let ring = try ServiceParts.keys(options)
            let names = try ServiceParts.hostNames(options)
            let others = try ServiceParts.webhooks(options, log: log)
            keys.replace(ring)
            webhooks.follow(others)
            server.take(hostNames: names)
            log("wan-infer: the keys and the names of hosts were read again")
        } catch {
            log("wan-infer: the old keys and names of hosts stay: \(error.message)")
        }
    }
}

/// Set once, never back.
final class StopFlag: Sendable {
    private let flag = Mutex(false)

    var isSet: Bool { flag.withLock { $0 } }

    /// Whether this call was the first.
    func set() -> Bool {
        flag.withLock { flag in
            defer { flag = true }
            return !flag
        }
    }
}
