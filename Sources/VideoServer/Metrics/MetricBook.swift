import JobRunner
import JobStore
import Synchronization
import VideoProvider
import VideoRouter
import VideoTypes

/// What has happened since the start, counted.
///
/// Labels are of a fixed set: never ids, prompts or what a client wrote.
final class MetricBook: Sendable {
    private struct RequestKey: Hashable, Comparable {
        let route: String
        let method: String
        let status: Int

        static func < (left: Self, right: Self) -> Bool {
            (left.route, left.method, left.status) < (right.route, right.method, right.status)
        }
    }

    private struct State {
        var requests: [RequestKey: Int] = [:]
        /// By state, provider, tier and the code of the error.
        var jobs: [[String]: Int] = [:]
        var queueWait = Histogram([1, 5, 15, 60, 300, 900, 3600, 7200])
        var estimateRatio = Histogram([0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2, 4])
        var stageSeconds: [VideoProgress.Stage: (count: Int, sum: Double)] = [:]
        var steps = (count: 0, seconds: 0.0)
        var videoSeconds = 0.0
        var gpuSeconds = 0.0
        var joules = 0.0
        var marginalDollars = 0.0
        var amortisedDollars = 0.0
        var peakBytes = 0
        var peakDeviceBytes = 0
    }

    private static let methods: Set<String> = ["GET", "HEAD", "POST", "DELETE"]
    private let state = Mutex(State())

    func count(route: String, method: String, status: Int) {
        let key = RequestKey(route: route, method: Self.methods.contains(method) ? method : "other", status: status)
        state.withLock { $0.requests[key, default: 0] += 1 }
    }

    /// A job that is finished.
    ///
    /// - Parameter forecast: the seconds that were foretold when it was submitted.
    func count(_ job: Job, forecast: Double?, economics: Economics) {
        let cost = job.report.map { economics.cost(of: $0) }
        state.withLock { state in
            let tier = job.order.quality?.rawValue ?? ""
            let provider = job.order.routed == nil ? "local" : job.routedClip?.provider ?? ""
            state.jobs[[job.state.rawValue, provider, tier, job.error?.code.name ?? ""], default: 0] += 1
            if let started = job.startedAt { state.queueWait.add(Double(max(started - job.createdAt, 0))) }
            guard job.state == .completed else { return }
            if let forecast, let finished = job.finishedAt, forecast > 0 {
                state.estimateRatio.add(Double(max(finished - job.createdAt, 0)) / forecast)
            }
            if let clip = job.routedClip {
                state.videoSeconds += clip.durationSeconds
                state.marginalDollars += clip.costDollars
            }
            guard let report = job.report else { return }
            for (stage, seconds) in report.stageSeconds {
                let old = state.stageSeconds[stage] ?? (0, 0)
                state.stageSeconds[stage] = (old.count + 1, old.sum + seconds)
            }
            state.steps.count += report.settings.sampling.steps
            state.steps.seconds += report.stageSeconds[.denoise] ?? 0
            state.videoSeconds += report.settings.clip.durationSeconds
            state.gpuSeconds += VideoObject.deviceSeconds(report)
            state.joules += cost?.joules ?? 0
            state.marginalDollars += cost?.marginalDollars ?? 0
            state.amortisedDollars += cost?.amortisedDollars ?? 0
            state.peakBytes = max(state.peakBytes, report.peakMemoryBytes)
            state.peakDeviceBytes = max(state.peakDeviceBytes, report.peakDeviceMemoryBytes ?? 0)
        }
    }

    /// The page at /metrics.
    func text(
        _ runner: RunnerState, model: String, streams: Int, outputBytes: Int, pendingDeliveries: Int,
        providers: [ProviderStanding] = []
    ) -> String {
        let state = state.withLock { $0 }
        var page = MetricText()
        Self.write(requests: state, streams: streams, &page)
        Self.write(jobs: state, model: model, &page)
        Self.write(work: state, &page)
        Self.write(runner, &page)
        ProviderMetrics.write(providers, &page)
        page.family("wan_output_bytes", .gauge, "Bytes of finished files.")
        page.sample("wan_output_bytes", [], Double(outputBytes))
        page.family("wan_webhooks_pending", .gauge, "Webhooks that wait to be delivered.")
        page.sample("wan_webhooks_pending", [], Double(pendingDeliveries))
        return page.text
    }

    private static func write(requests state: State, streams: Int, _ page: inout MetricText) {
        page.family("wan_http_requests_total", .counter, "Requests answered.")
        for (key, count) in state.requests.sorted(by: { $0.key < $1.key }) {
            page.sample(
                "wan_http_requests_total",
                [("route", key.route), ("method", key.method), ("code", "\(key.status)")], Double(count))
        }
        page.family("wan_event_streams", .gauge, "Streams of events that are open.")
        page.sample("wan_event_streams", [], Double(streams))
    }

    private static func write(jobs state: State, model: String, _ page: inout MetricText) {
        page.family("wan_jobs_total", .counter, "Jobs that came to an end.")
        for (key, count) in state.jobs.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            page.sample(
                "wan_jobs_total",
                [
                    ("state", key[0]), ("provider", key[1]), ("model", model), ("tier", key[2]), ("code", key[3]),
                ], Double(count))
        }
        page.histogram("wan_queue_wait_seconds", "From submission to the first step.", state.queueWait)
        page.histogram(
            "wan_eta_error_ratio", "Real time of a job as a part of what was foretold.", state.estimateRatio)
    }

    private static func write(work state: State, _ page: inout MetricText) {
        page.family("wan_stage_seconds", .summary, "Seconds of each stage of a clip.")
        for stage in VideoProgress.Stage.allCases {
            guard let figures = state.stageSeconds[stage] else { continue }
            page.sample("wan_stage_seconds_sum", [("stage", stage.rawValue)], figures.sum)
            page.sample("wan_stage_seconds_count", [("stage", stage.rawValue)], Double(figures.count))
        }
        page.family("wan_step_seconds", .summary, "Seconds of a denoising step.")
        page.sample("wan_step_seconds_sum", [], state.steps.seconds)
        page.sample("wan_step_seconds_count", [], Double(state.steps.count))
        for (name, help, value) in [
            ("wan_video_seconds_total", "Seconds of video made.", state.videoSeconds),
            ("wan_gpu_seconds_total", "Seconds that a GPU was busy.", state.gpuSeconds),
            ("wan_energy_joules_total", "Energy used: counted where the device counts, else estimated.", state.joules),
        ] {
            page.family(name, .counter, help)
            page.sample(name, [], value)
        }
        page.family("wan_cost_dollars_total", .counter, "What the clips have cost.")
        page.sample("wan_cost_dollars_total", [("kind", "marginal")], state.marginalDollars)
        page.sample("wan_cost_dollars_total", [("kind", "amortised")], state.amortisedDollars)
        page.family("wan_memory_peak_bytes", .gauge, "The most memory that a clip has taken.")
        page.sample("wan_memory_peak_bytes", [("kind", "host")], Double(state.peakBytes))
        page.sample("wan_memory_peak_bytes", [("kind", "device")], Double(state.peakDeviceBytes))
    }

    private static func write(_ runner: RunnerState, _ page: inout MetricText) {
        for (name, help, value) in [
            ("wan_queue_depth", "Jobs that wait.", Double(runner.queued)),
            ("wan_queue_eta_seconds", "Seconds of work that wait.", runner.queuedSeconds),
            ("wan_jobs_running", "Jobs being made.", runner.running == nil ? 0 : 1),
            ("wan_worker_healthy", "Whether the worker does its work.", runner.isHealthy ? 1 : 0),
            ("wan_draining", "Whether the service is on its way out.", runner.isDraining ? 1 : 0),
        ] {
            page.family(name, .gauge, help)
            page.sample(name, [], value)
        }
        page.family("wan_worker_restarts_total", .counter, "Workers that had to be replaced.")
        page.sample("wan_worker_restarts_total", [], Double(runner.restarts))
        if let bytes = runner.freeBytes {
            page.family("wan_disk_free_bytes", .gauge, "Room on the disk.")
            page.sample("wan_disk_free_bytes", [], Double(bytes))
        }
    }
}
