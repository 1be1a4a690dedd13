import ComputeCPU
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoProvider

/// What clips cost, and when a machine of one's own pays.
@Suite(.bounded) struct EconomicsTests {
    @Test func `electricity is the margin, the machine comes on top`() {
        let economics = Economics(
            dollarsPerKilowattHour: 0.2, watts: 500, gpuDollarsPerHour: 2, utilisation: 0.5)
        let nominal = economics.cost(seconds: 360, joules: nil, backend: "cuda:0")
        #expect(nominal.isEstimated && nominal.joules == 180_000)
        #expect(abs(nominal.marginalDollars - 0.05 * 0.2) < 1e-12)
        // A tenth of an hour, at twice the price since half of the hours are idle.
        #expect(abs(nominal.amortisedDollars - nominal.marginalDollars - 0.4) < 1e-12)
        let counted = economics.cost(seconds: 360, joules: 36_000, backend: "cuda:0")
        #expect(!counted.isEstimated && abs(counted.marginalDollars - 0.01 * 0.2) < 1e-12)
        #expect(counted.perSecond(of: 5).marginal == counted.marginalDollars / 5)
        let usual = Economics()
        #expect(usual.cost(seconds: 1, joules: nil, backend: "cpu").joules == 65)
        #expect(usual.cost(seconds: 1, joules: nil, backend: "cuda:1").joules == 350)
    }

    @Test func `nothing is divided by zero`() {
        let odd = [0, -1, Double.nan, .infinity, -.infinity, .leastNonzeroMagnitude, 1e300]
        for a in odd {
            for b in odd {
                let economics = Economics(dollarsPerKilowattHour: a, watts: b, gpuDollarsPerHour: a, utilisation: b)
                #expect((0.001...1).contains(economics.utilisation))
                let cost = economics.cost(seconds: b, joules: a, backend: "cpu")
                #expect(cost.marginalDollars >= 0 && cost.amortisedDollars >= cost.marginalDollars)
                let second = cost.perSecond(of: b)
                #expect(!second.marginal.isNaN && !second.amortised.isNaN)
                let even = BreakEven(
                    economics, clip: cost, computeSeconds: a, videoSeconds: b, apiDollarsPerSecond: a, wastedPart: b)
                #expect(!(even.videoSecondsPerMonth?.isNaN ?? false) && !(even.utilisation?.isNaN ?? false))
                #expect(!even.mostVideoSecondsPerMonth.isNaN)
            }
        }
        let free = Economics(dollarsPerKilowattHour: 0).cost(seconds: 0, joules: 0, backend: "cpu")
        #expect(free.perSecond(of: 0).marginal == 0 && free.perSecond(of: 0).amortised == 0)
    }

    /// A well-known example: one RTX 4090, a second of video a minute, against 0.012 dollars a second.
    @Test func `a volume that the month has no hours for is not reachable`() throws {
        let economics = Economics(dollarsPerKilowattHour: 0, gpuDollarsPerHour: 0.7589)
        let cost = economics.cost(seconds: 60, joules: 0, backend: "cuda:0")
        func even(_ computeSeconds: Double, wastedPart: Double = 0) -> BreakEven {
            BreakEven(
                economics, clip: cost, computeSeconds: computeSeconds, videoSeconds: 1, apiDollarsPerSecond: 0.012,
                wastedPart: wastedPart)
        }
        let slow = even(60)
        #expect(abs(try #require(slow.videoSecondsPerMonth) - 46_200) < 30)
        #expect(abs(try #require(slow.utilisation) - 770 / 730.5) < 0.01)
        #expect(!slow.isReachable && abs(slow.mostVideoSecondsPerMonth - 43_830) < 1)
        #expect(even(30).isReachable)
        #expect(!even(30, wastedPart: 0.5).isReachable)
    }

    @Test func `against an API that costs less than electricity nothing pays`() {
        let economics = Economics(dollarsPerKilowattHour: 0.3, watts: 400, gpuDollarsPerHour: 1)
        let cost = economics.cost(seconds: 600, joules: nil, backend: "cuda:0")
        let even = BreakEven(
            economics, clip: cost, computeSeconds: 600, videoSeconds: 5, apiDollarsPerSecond: 0.001)
        #expect(even.videoSecondsPerMonth == nil && even.utilisation == nil && !even.isReachable)
        // A machine that is paid already pays from the first second.
        let owned = BreakEven(
            Economics(dollarsPerKilowattHour: 0.3, watts: 400), clip: cost, computeSeconds: 600, videoSeconds: 5,
            apiDollarsPerSecond: 0.1)
        #expect(owned.videoSecondsPerMonth == 0 && owned.isReachable)
    }

    @Test(arguments: [(100.0, 350.0, 250.0 as Double?), (350, 100, nil)])
    func `the engine reads the counter before and after a clip`(before: Double, after: Double, taken: Double?) throws {
        let readings = Mutex([after, before])
        var options = EngineOptions()
        options.joules = { readings.withLock { $0.popLast() } }
        let engine = try VideoEngine(options, backend: CPUBackend(threads: 1))
        var request = VideoRequest(prompt: "a red circle")
        (request.width, request.height, request.frames, request.steps) = (16, 16, 1, 1)
        let folder = try TemporaryFolder()
        let report = try engine.generate(request, to: folder.file("clip.mp4")) { _ in true }
        #expect(report.joules == taken)
        let cost = Economics(dollarsPerKilowattHour: 3.6e6).cost(of: report)
        #expect(cost.isEstimated == (taken == nil))
        if let taken { #expect(cost.joules == taken && cost.marginalDollars == taken) }
    }
}
