import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// What a local provider says beforehand, and holds to: time, money, limits.
@Suite(.bounded) struct LocalForecastTests {
    private static func request(_ prompt: String, steps: Int = 4) -> VideoRequest {
        ScriptedProvider.request(prompt, steps: steps)
    }

    @Test func `capabilities learn from clips and count the queue`() async throws {
        let local = try ScriptedProvider {
            $0.economics = Economics(dollarsPerKilowattHour: 0.36, watts: 100, gpuDollarsPerHour: 1)
        }
        let cold = try await local.provider.capabilities(for: Self.request("a"))
        #expect(!cold.isWarm && cold.obstacles.isEmpty && cold.estimate?.queueSeconds == 0)
        #expect(local.script.change { $0.begun } == [], "asking starts no work")
        for steps in [4, 8, 16, 4, 8] {
            _ = try await local.provider.generate(Self.request("a", steps: steps)) { _ in }
        }
        let warm = try await local.provider.capabilities(for: Self.request("b", steps: 20))
        let estimate = try #require(warm.estimate)
        // 0.5 + 20 * 2 + 1; another load is not due.
        #expect(abs(estimate.p50 - 41.5) < 4 && estimate.p90 >= estimate.p50 && estimate.queueSeconds == 0)
        #expect(warm.isWarm && warm.model == "built-in" && warm.limits.frameStep == 4 && warm.limits.sizeStep > 1)
        let seconds = 17.0 / 8
        #expect(abs(warm.costDollars - estimate.p50 * 1e-5) < 1e-9)
        #expect(abs(warm.marginalCostPerSecond - warm.costDollars / seconds) < 1e-12)
        #expect(abs(warm.amortisedCostPerSecond - (warm.costDollars + estimate.p50 / 3600) / seconds) < 1e-9)

        let begun = local.script.change { $0.steps }
        local.script.allow(5)
        let running = try await local.start(Self.request("c", steps: 10))
        let waiting = try await local.start(Self.request("d", steps: 20))
        local.script.waitForSteps(begun + 6)
        let queued = try #require(try await local.provider.capabilities(for: Self.request("e", steps: 20)).estimate)
        // Five of ten steps and the end of the running one, then one of 41.5.
        #expect(abs(queued.queueSeconds - (11 + 41.5)) < 6, "\(queued.queueSeconds)")
        #expect(abs(queued.p50 - queued.queueSeconds - estimate.p50) < 1e-6)
        #expect(queued.p90 - queued.p50 < (queued.queueSeconds + estimate.p50) * 2)
        local.script.allowAll()
        _ = (try await running.value.get(), try await waiting.value.get())
    }

    @Test func `what the model cannot make is an obstacle there and a bad request here`() async throws {
        let local = try ScriptedProvider(memoryBytes: 100_000_000)
        var requests: [VideoRequest] = []
        var odd = Self.request("a")
        odd.width = 97
        requests.append(odd)
        var big = Self.request("a")
        (big.width, big.height, big.frames) = (1920, 1088, 81)
        requests.append(big)
        var loud = Self.request("a")
        loud.wantsAudio = true
        requests.append(loud)
        for limit in [-1, Double.nan] {
            var unlimited = Self.request("a")
            unlimited.maxCostDollars = limit
            requests.append(unlimited)
        }
        for request in requests {
            let found = try await local.provider.capabilities(for: request)
            #expect(found.obstacles.count == 1 && found.estimate == nil)
            do {
                _ = try await local.provider.generate(request) { _ in }
                Issue.record("made")
            } catch .badRequest(let text, let parameter) {
                #expect(found.obstacles.first == ProviderCapabilities.Obstacle(text, parameter: parameter))
            }
        }
        #expect(local.script.change { $0.begun } == [])
    }

    @Test func `a deadline that cannot be held is refused, one that passes stops the work`() async throws {
        let local = try ScriptedProvider()
        for _ in 0..<6 { _ = try await local.provider.generate(Self.request("warm")) { _ in } }
        var hasty = Self.request("hasty", steps: 100)
        hasty.maxLatencySeconds = 20
        await #expect(throws: ProviderError.deadline) { try await local.provider.generate(hasty) { _ in } }
        #expect(
            try await local.provider.capabilities(for: hasty).obstacles.map(\.reason) == [
                ProviderError.deadline.message
            ])

        // Looks possible, then the machine is slow: it stops within the step.
        let begun = local.script.change { $0.steps }
        local.script.allow(1)
        var slow = Self.request("slow")
        slow.maxLatencySeconds = 60
        let running = try await local.start(slow)
        var patient = Self.request("behind")
        patient.maxLatencySeconds = 65
        let behind = try await local.start(patient)
        local.script.waitForSteps(begun + 2)
        local.script.pass(70)
        local.script.allowAll()
        #expect(await running.value == .failure(.deadline))
        #expect(await behind.value == .failure(.deadline))
        #expect(!local.script.change { $0.begun }.contains("behind"))
        #expect(local.script.change { $0.finished }.count == 6)
    }

    @Test func `a budget that is too small is refused, a free machine needs none`() async throws {
        let local = try ScriptedProvider()
        var cheap = Self.request("a")
        cheap.maxCostDollars = 1e-12
        await #expect(throws: ProviderError.budget) { try await local.provider.generate(cheap) { _ in } }
        #expect(try await local.provider.capabilities(for: cheap).obstacles.count == 1)
        let free = try ScriptedProvider { $0.economics = Economics(dollarsPerKilowattHour: 0) }
        var nothing = Self.request("a")
        nothing.maxCostDollars = 0
        #expect(try await free.provider.generate(nothing) { _ in }.costDollars == 0)
        let found = try await free.provider.capabilities(for: nothing)
        #expect(found.costDollars == 0 && found.marginalCostPerSecond == 0 && found.amortisedCostPerSecond == 0)
    }

    @Test func `a full line says when to come again`() async throws {
        let local = try ScriptedProvider { $0.maxQueued = 1 }
        _ = try await local.provider.generate(Self.request("warm")) { _ in }
        let begun = local.script.change { $0.steps }
        local.script.allow(0)
        let running = try await local.start(Self.request("a"))
        local.script.waitForSteps(begun + 1)
        let waiting = try await local.start(Self.request("b"))
        do {
            _ = try await local.provider.generate(Self.request("c")) { _ in }
            Issue.record("taken")
        } catch {
            guard case .capacity(let seconds?) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(seconds > 2 && seconds < 30)
        }
        local.script.allowAll()
        _ = (try await running.value.get(), try await waiting.value.get())
    }
}
