import Testing
import VideoProvider
import VideoTypes

@testable import JobRunner
@testable import JobStore
@testable import fake_service

/// When clips will be ready.
@Suite struct ForecastTests {
    private static let work = FakeOrder.order(FakeOrder.settings(seed: 1, steps: 10)).plan.work
    private static let model = TimeModel(
        prior: EngineFacts(model: "m", backend: "cpu", dtype: "f32", memoryBytes: nil))

    private func job(_ number: Int, priority: Int = 0) -> QueuedJob {
        QueuedJob(
            id: JobID(), number: number, owner: nil, priority: priority, createdAt: 0, work: Self.work,
            isSuspect: false)
    }

    @Test func `each job waits for those before it`() throws {
        let queue = [job(1), job(2), job(3)]
        let forecast = QueueForecast(queue, model: Self.model, startsCold: false)
        let one = Self.model.estimate(Self.work, isCold: false)
        #expect(one.p50 > 0 && one.p90 > one.p50)
        for (index, job) in queue.enumerated() {
            let place = try #require(forecast.place(of: job.id))
            #expect(place.position == index + 1)
            #expect(abs(place.ahead.p50 - Double(index) * one.p50) < 1e-9)
            #expect(abs(place.own.p90 - one.p90) < 1e-9)
        }
        #expect(abs(forecast.total.p50 - 3 * one.p50) < 1e-9)
        #expect(forecast.place(of: JobID()) == nil)
    }

    @Test func `only the first of a cold start loads`() {
        let queue = [job(1), job(2)]
        let warm = QueueForecast(queue, model: Self.model, startsCold: false).total.p50
        let cold = QueueForecast(queue, model: Self.model, startsCold: true).total.p50
        let load =
            Self.model.estimate(Self.work, isCold: true).p50 - Self.model.estimate(Self.work, isCold: false).p50
        #expect(load > 0)
        #expect(abs(cold - warm - load) < 1e-9)
    }

    @Test func `a job of higher priority waits only for its like`() {
        let queue = [job(1, priority: 5), job(2), job(3)]
        let forecast = QueueForecast(queue, model: Self.model, startsCold: false)
        let one = Self.model.estimate(Self.work, isCold: false).p50
        #expect(abs(forecast.ahead(ofPriority: 5).p50 - one) < 1e-9)
        #expect(abs(forecast.ahead(ofPriority: 0).p50 - 3 * one) < 1e-9)
        #expect(forecast.ahead(ofPriority: 6).p50 == 0)
    }

    // MARK: the clip in the making

    private static let expected = ClipTime(
        p50: 20, p90: 30, stageSeconds: [.load: 2, .text: 1, .denoise: 12, .decode: 5])

    private func rest(_ reports: [(VideoProgress.Stage, Int, Int, Double)], at now: Double) -> TimeSpan {
        var clip = RunningClip(id: JobID(), expected: Self.expected, now: 0)
        for (stage, completed, total, time) in reports {
            clip.report(VideoProgress(stage: stage, completed: completed, total: total), now: time)
        }
        return clip.rest(at: now)
    }

    @Test func `before the first word the model of time is all there is`() {
        #expect(rest([], at: 0) == TimeSpan(p50: 20, p90: 30))
        #expect(rest([], at: 5).p50 == 15)
        #expect(rest([], at: 500).p50 == 0.4)
    }

    @Test func `stages that are over no longer count`() {
        #expect(rest([(.denoise, 0, 10, 3)], at: 3).p50 == 17)
        #expect(rest([(.denoise, 0, 10, 3)], at: 4).p50 == 16)
        #expect(rest([(.decode, 0, 5, 9)], at: 9).p50 == 5)
    }

    @Test func `after two steps the clip's own pace counts`() {
        let slow: [(VideoProgress.Stage, Int, Int, Double)] = [(.denoise, 0, 10, 0), (.denoise, 2, 10, 8)]
        #expect(rest(slow, at: 8).p50 == 8 * 4 + 5)
        #expect(rest(slow, at: 10).p50 == 8 * 4 - 2 + 5)
        // However long nothing is heard, it is one step that takes so long.
        #expect(rest(slow, at: 100).p50 == 7 * 4 + 5)
    }

    @Test func `a clip that goes on in the middle is paced by what it did itself`() {
        let resumed: [(VideoProgress.Stage, Int, Int, Double)] = [(.denoise, 6, 10, 1), (.denoise, 8, 10, 3)]
        #expect(rest(resumed, at: 3).p50 == 2 + 5)
        #expect(rest([(.denoise, 5, 10, 1)], at: 1).p50 == 6 + 5)
    }

    @Test func `reports that make no sense give no nonsense`() {
        let odd: [(VideoProgress.Stage, Int, Int, Double)] = [(.denoise, 0, 0, 1), (.denoise, 50, 10, 1)]
        let rest = rest(odd, at: 1)
        #expect(rest.p50.isFinite && rest.p50 >= 0 && rest.p90 >= rest.p50)
    }

    @Test func `sums of absurd sizes do not trap`() {
        var work = Self.work
        work.decodedPixels = .max
        #expect(DiskRoom.outputBytes(of: work) > 0)
        #expect(DiskRoom.sum(.max, 1) == .max)
    }
}
