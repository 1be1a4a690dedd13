import Files
import Glibc
import JobRunner
import JobStore
import Media
package import VideoRouter
import VideoTypes

/// What a service has its clips made by, in the place of a worker of its own.
package struct RoutedService: Sendable {
    package let fleet: RouterFleet
    /// Further names of models that stand for the router's own choice.
    package var alsoCalled: Set<String>

    package init(_ fleet: RouterFleet, alsoCalled: Set<String> = []) {
        self.fleet = fleet
        self.alsoCalled = alsoCalled
    }

    /// Each provider has its own; these bound what is read.
    static let limits = ProviderCapabilities.Limits(
        maxDurationSeconds: VideoRequest.Limits.durationSeconds.upperBound,
        maxPixels: VideoRequest.Limits.side.upperBound * VideoRequest.Limits.side.upperBound, sizeStep: 1,
        frameStep: 1, makesAudio: true, maxReferenceImages: 2)
}

/// The jobs of a journal in front of a router: a job's id is its request's, so that a restart finds what was ordered.
struct FleetRouter: JobRouter {
    let fleet: RouterFleet
    /// Those that a job's order brought.
    let pictures: @Sendable (Job) throws(VideoError) -> [ReferenceImage]
    let clock: ServiceClock
    /// The first pause where nobody can make a clip now; doubled each time.
    var firstPauseSeconds = 5.0

    private static let longestPauseSeconds = 600.0

    func make(
        _ job: Job, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(VideoError) -> VideoResult {
        guard let order = job.order.routed else {
            throw VideoError(.internalError, "the job was ordered for a worker of this machine")
        }
        var request = order.request
        request.id = job.id.description
        request.referenceImages = try pictures(job)
        if let limit = request.maxLatencySeconds {
            // What is ordered is paid for, however late it is after a restart.
            let waited = Double(max(clock.wall() - job.createdAt, 0))
            request.maxLatencySeconds = await fleet.isUnderWay(request.id) ? nil : max(limit - waited, 0)
        }
        let options = RoutingOptions(provider: order.provider, model: order.model, allowsPromise: false)
        let end = Double(job.createdAt) + fleet.policy.promiseSeconds
        var pause = firstPauseSeconds
        while true {
            do throws(RouterError) {
                return try await made(request, options, progress)
            } catch {
                guard error.mayPass, Double(clock.wall()) < end else { throw error.videoError }
                guard (try? await Task.sleep(for: .seconds(pause))) != nil else {
                    throw VideoError(.cancelled, "cancelled")
                }
                pause = min(2 * pause, Self.longestPauseSeconds)
            }
        }
    }

    private func made(
        _ request: VideoRequest, _ options: RoutingOptions, _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(RouterError) -> VideoResult {
        switch try await fleet.router.generate(request, options: options, progress: progress) {
        case .done(let clip): return clip
        case .empty(let clip, let reason): return clip.saying("empty", .string(reason))
        case .promised: throw RouterError(.noProviderAvailable, "it was promised, and jobs are kept here")
        }
    }

    func deliver(_ clip: VideoResult, to path: String) throws(VideoError) {
        let source = unsafe open(clip.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard source >= 0 else {
            throw VideoError(.outputFailed, "the clip of \(clip.provider) is gone: \(SystemError.text(errno))")
        }
        defer { close(source) }
        do throws(FileFailure) {
            let file = try NewFile(path)
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let count = unsafe read(source, &buffer, buffer.count)
                guard count >= 0 else { throw FileFailure("read") }
                if count == 0 { break }
                try file.append(buffer[..<count])
            }
            try file.publish()
        } catch {
            let code: VideoError.Code = error.isFullDisk ? .diskFull : .outputFailed
            throw VideoError(code, "the clip cannot be copied into the journal's folder: \(error)")
        }
    }

    func forget(_ clip: VideoResult, keptAt place: String?) {
        unsafe _ = unlink(clip.path)
        if let place { fleet.book?.moved(clip.path, to: place) }
    }
}

extension RouterFleet {
    /// Whether an order of this request may still bring its clip.
    func isUnderWay(_ id: VideoRequest.ID) async -> Bool {
        for provider in providers where await provider.hasOpenOrder(of: id) { return true }
        return false
    }
}

extension RouterError {
    /// Whether time alone may help: nobody was tried, and somebody is only down or busy.
    var mayPass: Bool {
        guard code == .noProviderAvailable else { return false }
        let passing: Set<RoutingObstacle.Kind> = [.breaker, .cooldown, .health, .capabilities]
        return !providers.contains { $0.obstacles.contains { $0.kind == .failed } }
            && providers.contains { Set($0.obstacles.map(\.kind)).isSubset(of: passing) }
    }
}

extension VideoResult {
    fileprivate func saying(_ name: String, _ value: JSONText) -> VideoResult {
        VideoResult(
            path: path, provider: provider, model: model, durationSeconds: durationSeconds, frames: frames,
            width: width, height: height, costDollars: costDollars, latencySeconds: latencySeconds,
            hasAudio: hasAudio, metadata: metadata.merging([name: value]) { $1 })
    }
}
