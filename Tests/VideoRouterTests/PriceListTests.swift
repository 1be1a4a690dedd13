import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// What an order costs before it is placed.
@Suite(.bounded) struct PriceListTests {
    private func dollars(
        _ cloud: any Cloud, _ model: String, _ list: PriceList? = nil, _ change: (inout VideoRequest) -> Void = { _ in }
    ) throws -> Double? {
        var request = VideoRequest(prompt: "a red ball")
        change(&request)
        let plan = CloudOrderPlan(request, try #require(cloud.model(model)), cloud: cloud.name, day: nil)
        return try (list ?? PriceList.builtIn()).dollars(try #require(plan.order), cloud: cloud.name)
    }

    private func isNear(_ left: Double?, _ right: Double) -> Bool { abs((left ?? .nan) - right) < 1e-9 }

    @Test func `a price depends on model, resolution, length and sound`() throws {
        #expect(isNear(try dollars(FalCloud(), "kling-v3-pro") { $0.durationSeconds = 10 }, 1.12))
        #expect(
            isNear(
                try dollars(FalCloud(), "kling-v3-pro") {
                    ($0.durationSeconds, $0.wantsAudio) = (10, true)
                }, 1.68))
        #expect(isNear(try dollars(FalCloud(), "seedance-2.0") { $0.resolution = .p1080 }, 3.41))
        #expect(isNear(try dollars(GeminiCloud(), "veo-3.1-fast-generate-preview") { $0.durationSeconds = 4 }, 0.4))
        #expect(isNear(try dollars(MiniMaxCloud(), "MiniMax-Hailuo-2.3") { $0.durationSeconds = 10 }, 0.52))
        // Nobody told: no price, not a price of nothing.
        #expect(try dollars(TogetherCloud(), "wan-2.2-t2v") == nil)
        #expect(try dollars(OmniCloud(), "gemini-omni-1.1-flash") { $0.resolution = .p1080 } == nil)
    }

    private func list(_ row: String) throws -> PriceList { try PriceList(Array("{\"prices\": [\(row)]}".utf8), "x") }

    @Test func `a file of the user's goes before ours, and pictures may cost`() throws {
        let folder = try TemporaryFolder()
        let row = """
            {"cloud": "fal", "model": "kling-v3-pro", "currency": "USD", "date": "2026-12-01", "per": "clip",
             "picture": 0.04, "free_pictures": 1, "rates": [{"seconds": 5, "amount": 1.5}, {"amount": 3}]}
            """
        try Data("{\"prices\": [\(row)]}".utf8).write(to: URL(filePath: folder.file("prices.json")))
        let list = try PriceList.withFile(folder.file("prices.json"))
        #expect(isNear(try dollars(FalCloud(), "kling-v3-pro", list), 1.5))
        #expect(isNear(try dollars(FalCloud(), "kling-v3-pro", list) { $0.durationSeconds = 10 }, 3))
        let pictures = [PictureRole.first, .last].map { ReferenceImage(bytes: [1], format: .png, role: $0) }
        #expect(isNear(try dollars(FalCloud(), "kling-v3-pro", list) { $0.referenceImages = pictures }, 1.54))
        #expect(isNear(try dollars(FalCloud(), "kling-v3-standard", list), 0.42))
        #expect(list.day("fal", "kling-v3-pro")?.description == "2026-12-01")
    }

    private static let good: [(String, String)] = [
        ("cloud", "\"fal\""), ("model", "\"m\""), ("currency", "\"USD\""), ("date", "\"2026-12-01\""),
        ("per", "\"second\""), ("rates", "[{\"amount\": 1}]"),
    ]

    @Test(arguments: [
        ("cloud", "\"nobody\""), ("currency", "\"EUR\""), ("date", "\"tomorrow\""), ("per", "\"minute\""),
        ("rates", "[]"), ("rates", "[{\"amount\": -1}]"), ("rates", "[{\"amount\": NaN}]"), ("rates", "[{}]"),
        ("rates", "[{\"amount\": 1e300}]"), ("rates", "[{\"amount\": 1, \"color\": 2}]"), ("picture", "\"much\""),
        ("surcharge", "1"), ("per", "null"),
    ])
    func `a price that is none is refused by name`(_ field: String, _ value: String) throws {
        var fields = Self.good.filter { $0.0 != field }
        fields.append((field, value))
        let row = "{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
        #expect(throws: RouterError.self) { try list(row) }
        let plain = "{" + Self.good.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
        #expect(throws: RouterError.self) { try list(plain + ", " + plain) }
        _ = try list(plain)
    }

    @Test func `there is a model for every price`() throws {
        let text = PriceList.builtInText
        let models = [
            OpenAICloud().models, GeminiCloud().models, OmniCloud().models,
            VertexCloud(project: "p", location: "l").models, RunwayCloud().models, FalCloud().models,
            MiniMaxCloud().models, KlingCloud().models,
        ].flatMap { $0 }.map(\.id)
        for match in text.matches(of: /"model": "([^"]+)"/) { #expect(models.contains(String(match.1)), "\(match.1)") }
    }
}
