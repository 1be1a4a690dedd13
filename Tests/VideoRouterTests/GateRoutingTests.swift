import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// What the router does with what the gate says.
@Suite(.bounded) struct GateRoutingTests {
    private let scene = Scene()
    private static let black = ClipJudgement(.empty("the clip is black", isFault: false))

    @Test func `an empty clip is tried once more with another seed`() async throws {
        let provider = scene.provider("p", cost: 1)
        let request = scene.request { $0.maxCostDollars = 2 }
        let router = try scene.router([provider]) { path, _ in
            path.hasSuffix(".2") ? ClipJudgement(.good) : Self.black
        }
        let clip = try await router.clip(request)
        #expect(provider.requests.map(\.id) == [request.id, request.id + ".2"])
        #expect(provider.requests[1].seed != nil && clip.path.hasSuffix(".2"))
        #expect("\(clip.metadata["quality"] ?? .null)".contains(#""verdict": "good""#))
    }

    @Test func `only once, only for money that is left, and never where the caller names the seed`() async throws {
        func made(_ change: (inout VideoRequest) -> Void) async throws -> (Int, VideoResult) {
            let provider = scene.provider("p", cost: 1)
            let clip = try await scene.router([provider]) { _, _ in Self.black }.clip(scene.request(change))
            return (provider.requests.count, clip)
        }
        let (twice, clip) = try await made { _ in }
        #expect(twice == 2)
        // Better than nothing, and it says so.
        #expect("\(clip.metadata["quality"] ?? .null)".contains(#""verdict": "empty""#))
        #expect(try await made { $0.maxCostDollars = 1.9 }.0 == 1)
        #expect(try await made { $0.seed = 3 }.0 == 1)
        #expect(try await made { $0.maxLatencySeconds = 60.5 }.0 == 1)
    }

    @Test func `what stays empty goes to the next provider`() async throws {
        let empty = scene.provider("empty")
        let next = scene.provider("next", cost: 1)
        let router = try scene.router([empty, next]) { path, _ in
            path.contains("/empty/") ? Self.black : ClipJudgement(.good, warnings: ["the picture is blurred"])
        }
        let clip = try await router.clip(scene.request())
        #expect(clip.provider == "next" && empty.requests.count == 2)
        #expect("\(clip.metadata["quality"] ?? .null)".contains("good_with_warnings"))
        // Black says nothing about the provider.
        for _ in 0..<3 { _ = try await router.clip(scene.request()) }
        #expect(try await router.explain(scene.request()).first?.provider == "empty")
    }

    @Test func `a clip of one flat colour tells of a fault, and so does one that is broken`() async throws {
        for judgement in [ClipJudgement(.empty("the clip is one flat colour", isFault: true)), .init(.broken("short"))]
        {
            let bad = scene.provider("bad")
            let good = scene.provider("good", cost: 1)
            let router = try scene.router([bad, good]) { path, _ in
                path.contains("/bad/") ? judgement : ClipJudgement(.good)
            }
            for _ in 0..<2 { #expect(try await router.clip(scene.request()).provider == "good") }
            let count = bad.requests.count
            #expect(count == 3)
            _ = try await router.clip(scene.request())
            #expect(bad.requests.count == count)
        }
    }

    @Test func `a broken clip is never delivered`() async throws {
        let bad = scene.provider("bad")
        let router = try scene.router([bad]) { _, _ in ClipJudgement(.broken("the clip lasts 8.0 s, not 10.0 s")) }
        let error = await router.error(scene.request())
        #expect(error?.code == .noProviderAvailable)
        #expect(error?.message.contains("8.0 s, not 10.0 s") == true)
    }

    @Test func `the gate is told what was asked for`() async throws {
        let provider = scene.provider("p")
        let router = try scene.router([provider]) { _, expected in
            // Length as asked; frames and size as the provider says, since the request leaves them open.
            expected == ClipExpectation(width: 832, height: 480, frames: 81, durationSeconds: 4)
                ? ClipJudgement(.good) : ClipJudgement(.broken("\(expected)"))
        }
        #expect(try await router.clip(scene.request { $0.durationSeconds = 4 }).provider == "p")
    }

    @Test func `no gate where the policy wants none`() async throws {
        var scene = scene
        scene.policy.checksQuality = false
        let router = try scene.router([scene.provider("p")]) { _, _ in ClipJudgement(.broken("looked")) }
        #expect(try await router.clip(scene.request()).metadata["quality"] == nil)
    }
}
