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

    /// The same card at 0.40 dollars for an hour of work, and bought for 1,600 over three years with 50 a month of
    /// electricity; 2,000 a month of operations, against 0.05 dollars a second.
    @Test func `rented or bought, fixed costs set the volume that pays`() throws {
        let busy = 60.0
        let rented = MonthlyCosts(
            operationsDollars: 2000, machineDollars: 0,
            videoSecondDollars: Economics(dollarsPerKilowattHour: 0, gpuDollarsPerHour: 0.40)
                .cost(seconds: busy, joules: nil, backend: "cuda:0").amortisedDollars,
            busySeconds: busy)
        let rent = BreakEven(rented, apiDollarsPerSecond: 0.05)
        let volume = try #require(rent.videoSecondsPerMonth)
        #expect(abs(volume - 2000 / (0.05 - 0.40 / 60)) < 1e-6)
        // As published, in hundreds.
        #expect((volume / 100).rounded() * 100 == 46_200)
        // More than the hours of one card: it takes a second one.
        #expect(!rent.isReachable && rent.fleet?.machines == 2)
        #expect(abs(try #require(rent.fleet?.videoSecondsPerMonth) - volume) < 1e-6)
        let bought = MonthlyCosts(
            operationsDollars: 2000, machineDollars: 1600 / 36 + 50, videoSecondDollars: 0, busySeconds: busy)
        let own = BreakEven(bought, apiDollarsPerSecond: 0.05)
        #expect(try #require(own.videoSecondsPerMonth).rounded() == 41_889)
        #expect(own.isReachable && own.fleet?.machines == 1)
        #expect(abs(try #require(own.utilisation) - 0.9557) < 0.0001)
        #expect(abs(bought.dollars(for: 41_888.889) - 0.05 * 41_888.889) < 1e-3)
    }

    @Test func `as few machines as pay are found, or it is said that none do`() {
        var random = SplitMix(state: 7)
        var (found, never) = (0, 0)
        for _ in 0..<400 {
            let next = { (most: Double) in Double(random.next() % 1000) / 1000 * most }
            let costs = MonthlyCosts(
                operationsDollars: next(3000), machineDollars: next(400), videoSecondDollars: next(0.02),
                busySeconds: 1 + next(200))
            let price = next(0.08)
            let even = BreakEven(costs, apiDollarsPerSecond: price)
            // Whatever number of machines, each at most as busy as a month is long.
            let fleets = (1...4000).lazy.filter { count in
                let most = Double(count) * costs.mostVideoSeconds
                let dollars =
                    costs.operationsDollars + Double(count) * costs.machineDollars
                    + most * costs.videoSecondDollars
                return price > costs.videoSecondDollars && dollars <= price * most
            }
            let first = fleets.first
            if let fleet = even.fleet, fleet.machines <= 4000 {
                found += 1
                #expect(first.map(Double.init) == fleet.machines, "\(costs), \(price)")
                let volume = fleet.videoSecondsPerMonth
                #expect(costs.machines(for: volume * (1 - 1e-9)) == fleet.machines)
                #expect(abs(costs.dollars(for: volume * (1 - 1e-9)) - price * volume) < 1e-4 * (1 + price * volume))
            } else if even.fleet == nil {
                never += 1
                #expect(first == nil, "\(costs), \(price)")
            }
        }
        #expect(found > 50 && never > 50, "\(found), \(never)")
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
