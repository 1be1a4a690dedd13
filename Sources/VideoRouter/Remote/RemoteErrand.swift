import Crypto
import Glibc
import HTTPClient
import Media
import Threads
import VideoTypes

/// One clip fetched from a server: ordered, watched, downloaded, looked at.
struct RemoteErrand: Sendable {
    private let provider: RemoteVideoProvider
    private let request: VideoRequest
    private let flight: RemoteFlight
    private let start = ContinuousClock.now

    /// Bounds of the server's wish for when to be asked again.
    private static let pollSeconds = 0.1...10.0
    private static let standardPollSeconds = 1.0
    /// Failed looks in a row that are put up with.
    private static let patience = 5
    private static let downloads = 3

    init(_ provider: RemoteVideoProvider, _ request: VideoRequest, _ flight: RemoteFlight) {
        self.provider = provider
        self.request = request
        self.flight = flight
    }

    private var options: RemoteProviderOptions { provider.options }
    private var seconds: Double { Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000 }

    func run() async -> RemoteFlight.Outcome {
        do throws(ProviderError) {
            return .success(try await made())
        } catch {
            return .failure(error)
        }
    }

    private func made() async throws(ProviderError) -> VideoResult {
        let key: String
        do throws(CryptoError) {
            key = try SHA256.hex(Array("\(provider.name)\n\(options.model ?? "")\n\(request.id)".utf8))
        } catch {
            throw .local(error.videoError.message)
        }
        try provider.folder.check()
        let id = try await ordered("wan-" + key)
        do throws(ProviderError) {
            let video = try await finished(id)
            let dollars = price(video, nil)
            provider.know { $0.orders.costs(request.id, dollars) }
            let path = options.folder + "/" + key.prefix(32) + ".mp4"
            try await fetch(id, to: path)
            let result = try await result(video, path)
            provider.know { $0.orders.forget(request.id) }
            return result
        } catch {
            // A clip that nobody waits for must not be worked on.
            if [.cancelled, .deadline].contains(error) || isGivenUp {
                await unhindered { await provider.server.stop(id, isOurs: provider.know { $0.isOurs == true }) }
                close()
            } else {
                switch error {
                case .badRequest, .contentPolicy, .corruptOutput: close()
                // The clip is still over there: whoever asks for it again finds it.
                default: break
                }
            }
            throw error
        }
    }

    private var isGivenUp: Bool { seconds >= options.giveUpSeconds }

    private func close() { provider.know { $0.orders.close(request.id) } }

    /// - Parameter seconds: that came; nil where only those asked for are known.
    private func price(_ video: RemoteVideo, _ seconds: Double?) -> Double {
        if let dollars = video.costDollars { return dollars }
        guard let seconds else { return provider.know { $0.orders.dollars(request.id) } ?? 0 }
        return options.dollarsPerSecond * seconds
    }

    /// What the server calls the clip: ordered now, or before something broke.
    private func ordered(_ key: String) async throws(ProviderError) -> String {
        // Of a value that may throw: `know` takes no closure that does.
        let orders = provider.know { $0.orders }
        if let known = try orders.video(of: request) { return known }
        let form = try await provider.form(request)
        if let obstacle = form.obstacles.first { throw .badRequest(obstacle.reason, parameter: obstacle.parameter) }
        guard !Task.isCancelled else { throw .cancelled }
        let (server, trace) = (provider.server, request.traceParent)
        // Not broken off: an order that was placed must be known to be cancelled.
        let placed = await unhindered { () -> Result<RemoteVideo, ProviderError> in
            do throws(ProviderError) {
                return .success(try await server.create(form.parts, idempotencyKey: key, traceParent: trace))
            } catch {
                return .failure(error)
            }
        }
        let id = try placed.get().id
        let dollars = provider.quote(form)
        provider.know { $0.orders.placed(request, id, dollars: dollars) }
        return id
    }

    /// Runs what a cancelled task must do all the same.
    private func unhindered<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        await Task.detached { await body() }.value
    }

    // MARK: Watching

    private func finished(_ id: String) async throws(ProviderError) -> RemoteVideo {
        var failures = 0
        var told: VideoProgress?
        while true {
            try checkTime()
            var pause = Self.standardPollSeconds
            do throws(ProviderError) {
                let (video, wish) = try await provider.server.retrieve(id)
                failures = 0
                switch video.state {
                case .completed: return video
                case .failed(let error):
                    provider.know { $0.orders.forget(request.id) }
                    throw error
                case .queued: break
                case .working:
                    let now = video.step ?? VideoProgress(stage: .denoise, completed: video.percent, total: 100)
                    if now != told { flight.tell(now) }
                    told = now
                }
                pause = wish ?? pause
            } catch {
                guard let wait = wait(after: error, &failures) else { throw error }
                pause = wait
            }
            try await rest(min(max(pause, Self.pollSeconds.lowerBound), Self.pollSeconds.upperBound))
        }
    }

    /// How long to wait before the server is asked again; nil where it is of no use.
    private func wait(after error: ProviderError, _ failures: inout Int) -> Double? {
        // The clip's own failure is none of the connection's.
        failures += 1
        guard failures < Self.patience else { return nil }
        switch error {
        case .transport, .timeout: return 0.5 * Double(failures)
        case .capacity(let seconds), .quota(let seconds): return seconds ?? Double(failures)
        default: return nil
        }
    }

    private func checkTime() throws(ProviderError) {
        guard !Task.isCancelled else { throw .cancelled }
        if let limit = request.maxLatencySeconds, seconds >= limit { throw .deadline }
        guard !isGivenUp else {
            throw .timeout("the clip did not come within \(RemoteForm.text(options.giveUpSeconds)) s")
        }
    }

    private func rest(_ pause: Double) async throws(ProviderError) {
        var pause = min(pause, max(options.giveUpSeconds - seconds, 0))
        if let limit = request.maxLatencySeconds { pause = min(pause, max(limit - seconds, 0)) }
        guard (try? await Task.sleep(for: .seconds(pause))) != nil else { throw .cancelled }
    }

    // MARK: Fetching

    private func fetch(_ id: String, to path: String) async throws(ProviderError) {
        for attempt in 1... {
            try checkTime()
            do throws(ProviderError) {
                return try await provider.server.download(id, to: path, maxBytes: options.maxClipBytes)
            } catch {
                switch error {
                case .transport, .timeout, .capacity:
                    guard attempt < Self.downloads else { throw error }
                    try await rest(0.3 * Double(attempt))
                case .badRequest: throw .corruptOutput("the server has no file for the clip that it finished")
                default: throw error
                }
            }
        }
    }

    /// Decodes the file, off the threads that everybody shares.
    private func result(_ video: RemoteVideo, _ path: String) async throws(ProviderError) -> VideoResult {
        let facts = try await Self.facts(path)
        guard let facts, facts.frames > 0, facts.durationSeconds > 0 else {
            unsafe unlink(path)
            throw .corruptOutput("the file that came is not a video")
        }
        return VideoResult(
            path: path, provider: provider.name, model: video.model ?? options.model ?? "default",
            durationSeconds: facts.durationSeconds, frames: facts.frames, width: facts.width, height: facts.height,
            costDollars: price(video, facts.durationSeconds),
            latencySeconds: seconds, hasAudio: facts.hasAudio,
            metadata: video.metadata.merging(["remote_id": .string(video.id)]) { $1 })
    }

    /// nil for what is no video.
    static func facts(_ path: String) async throws(ProviderError) -> ClipFacts? {
        let found = await withCheckedContinuation { (continuation: CheckedContinuation<Read, Never>) in
            let thread = OwnThread {
                continuation.resume(
                    returning: Result { () throws(MediaError) in try MP4Reader(path: path).facts() })
            }
            guard let thread else { return continuation.resume(returning: nil) }
            thread.detach()
        }
        switch found {
        case .success(let facts): return facts
        case .failure(.libraryMissing(let name, let reason)): throw .local("cannot open FFmpeg's \(name): \(reason)")
        case .failure: return nil
        case nil: throw .local("no thread to look at the clip")
        }
    }

    /// nil where there was no thread for it.
    private typealias Read = Result<ClipFacts, MediaError>?
}
