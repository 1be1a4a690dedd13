import TestTools
import Testing
import VideoProvider
import VideoTypes

@testable import JobRunner
@testable import JobStore
@testable import fake_service

/// When clips will be ready.
@Suite(.bounded) struct ForecastTests {
    private static let work = FakeOrder.order(FakeOrder.settings(seed: 1, steps: 10)).work
    private static let model = TimeModel(
        prior: EngineFacts(model: "m", backend: "cpu", dtype: "f32", memoryBytes: nil))

    private func job(_ number: Int, owner: String? = nil, priority: Int = 0) -> QueuedJob {
        QueuedJob(
            id: JobID(), number: number, owner: owner, priority: priority, createdAt: 0, work: Self.work,
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

    @Test func `margins add like those of independent clips`() {
        let forecast = QueueForecast((1...4).map { job($0) }, model: Self.model, startsCold: false)
        let one = Self.model.estimate(Self.work, isCold: false)
        #expect(abs(forecast.total.p90 - forecast.total.p50 - 2 * (one.p90 - one.p50)) < 1e-9)
    }

    @Test func `a job of higher priority waits only for its like`() {
        let queue = [job(1, priority: 5), job(2), job(3)]
        let forecast = QueueForecast(queue, model: Self.model, startsCold: false)
        let one = Self.model.estimate(Self.work, isCold: false).p50
        #expect(abs(forecast.ahead(ofPriority: 5).p50 - one) < 1e-9)
        #expect(abs(forecast.ahead(ofPriority: 0).p50 - 3 * one) < 1e-9)
        #expect(forecast.ahead(ofPriority: 6).p50 == 0)
    }

    @Test func `a newcomer waits for one turn of each other, not for all that they have`() {
        let queue = (1...9).map { job($0, owner: "greedy", priority: 100) } + [job(10, owner: "other")]
        let forecast = QueueForecast(queue, model: Self.model, startsCold: false)
        let one = Self.model.estimate(Self.work, isCold: false).p50
        #expect(abs(forecast.ahead(ofPriority: 0, owner: "new").p50 - 2 * one) < 1e-9)
        #expect(abs(forecast.ahead(ofPriority: 0, owner: "other").p50 - 3 * one) < 1e-9)
        #expect(abs(forecast.ahead(ofPriority: 100, owner: "greedy").p50 - 10 * one) < 1e-9)
        #expect(forecast.count(of: "greedy") == 9 && forecast.count(of: "new") == 0)
    }

    @Test func `sums of absurd sizes do not trap`() {
        var work = Self.work
        work.decodedPixels = .max
        #expect(DiskRoom.outputBytes(of: work) > 0)
        #expect(DiskRoom.sum(.max, 1) == .max)
    }
}
