import Compute
import ComputeCPU
import Sampling
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// A checkpoint's file gives back what was kept, or nothing.
@Suite(.bounded) struct DenoiseStateTests {
    private static let shape: Shape = [2, 1, 3, 4]

    private static func plan(steps: Int = 4, _ scheduler: Scheduler = .unipc) throws -> DenoisePlan {
        let settings = VideoSettings(
            prompts: Prompts(positive: ""),
            clip: ClipShape(width: 16, height: 16, frames: 1, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: scheduler, levels: .steps(steps), shift: 3, guidance: [1], seed: 0))
        return DenoisePlan(settings, try FolderScheduler(ModelFolder(path: Fixture.model("wan21-t2v"))))
    }

    /// A state behind two steps of UniPC.
    private static func file() throws -> [UInt8] {
        let backend = try CPUBackend(threads: 1)
        var solver = try plan().solver
        let latents = try backend.upload((0..<24).map { Float($0) }, shape)
        for index in 0..<2 { try solver.step(index, output: latents, latents: latents, noise: noNoise, on: backend) }
        let state = try DenoiseState(step: 2, latents: latents, solver: solver, on: backend)
        return state.file(identity: "a", shape: shape, stepCount: 4).all
    }

    private static func read(_ bytes: [UInt8], identity: String = "a", plan: DenoisePlan) -> DenoiseState? {
        DenoiseState(HostBytes(bytes), identity: identity, shape: shape, plan: plan)
    }

    @Test func `what was kept comes back, to its own clip alone`() throws {
        let file = try Self.file()
        let plan = try Self.plan()
        let state = try #require(Self.read(file, plan: plan))
        #expect(state.step == 2 && state.latents.count == 24 && state.history.count == 3)
        #expect(Self.read(file, identity: "b", plan: plan) == nil)
        #expect(Self.read(file, plan: try Self.plan(.dpmpp)) == nil)
        #expect(Self.read(file, plan: try Self.plan(steps: 1)) == nil)
        #expect(DenoiseState(HostBytes(file), identity: "a", shape: [2, 1, 4, 3], plan: plan) == nil)
    }

    @Test func `a file says whose it is and how far it has come`() throws {
        let file = try Self.file()
        let facts = try #require(CheckpointFacts(HostBytes(file)))
        #expect(facts == CheckpointFacts(identity: "a", step: 2, stepCount: 4) && !facts.isFinished)
        #expect(file.dropFirst(8).starts(with: CheckpointFacts.beginning))
        #expect(CheckpointFacts(HostBytes(Array(file.dropLast()))) == nil)
        #expect(CheckpointFacts(HostBytes([])) == nil)
    }

    @Test func `no damage is taken for a state`() throws {
        let file = try Self.file()
        let plan = try Self.plan()
        let whole = try #require(Self.read(file, plan: plan))
        var random: UInt64 = 9
        func next(_ limit: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % limit
        }
        var refused = 0
        for number in 0..<6000 {
            var bytes = file
            switch number % 5 {
            case 0, 1: bytes[next(bytes.count)] ^= UInt8(1 << next(8))
            case 2: bytes.removeLast(1 + next(bytes.count))
            case 3: bytes.insert(UInt8(next(256)), at: next(bytes.count))
            default: bytes.swapAt(next(bytes.count), next(bytes.count))
            }
            guard let state = Self.read(bytes, plan: plan) else {
                refused += 1
                continue
            }
            // White space in the header, or two equal bytes that changed places.
            #expect(state.step == whole.step && state.latents == whole.latents && state.history == whole.history)
        }
        #expect(refused > 4000)
        for index in file.indices.dropFirst(file.count - 4 * 24 * 4 - 33) {
            var bytes = file
            bytes[index] ^= 0x10
            #expect(Self.read(bytes, plan: plan) == nil, "byte \(index)")
        }
    }
}
