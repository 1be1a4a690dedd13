import Foundation
import HTTPServer
import JobStore
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoServer

extension RawClient.Answer {
    /// What would be sent.
    init(_ response: HTTPResponse) {
        self.init(status: response.status, headers: response.headers.fields)
        if case .bytes(let bytes) = response.body { body = bytes }
    }
}

/// Keys, seats, progress, metrics, signatures.
@Suite(.bounded) struct PartTests {
    @Test func `a key is found by its digest, others are not`() throws {
        let keys = try KeyRing(text: "# people\nalice 0123456789abcdef-alice\n\nbob\t0123456789abcdef-bob\r\n")
        #expect(try keys.owner(authorization: "Bearer 0123456789abcdef-alice")?.name == "alice")
        #expect(try keys.owner(authorization: "bearer 0123456789abcdef-bob")?.name == "bob")
        for bad in [
            nil, "", "Bearer", "Bearer ", "Bearer 0123456789abcdef", "Basic 0123456789abcdef-bob",
            "0123456789abcdef-bob", "Bearer 0123456789abcdef-bob ", "Bearer alice",
        ] {
            #expect(try keys.owner(authorization: bad) == nil, "\(bad ?? "nil")")
        }
        #expect(
            try KeyRing(text: "0123456789abcdef").owner(authorization: "Bearer 0123456789abcdef")?.name == "default")
        #expect(try KeyRing.open.owner(authorization: nil) == KeyRing.Owner(name: nil))
    }

    @Test func `a key file must be sound and private`() throws {
        for text in [
            "", "# none", "alice short", "a b c", "a 0123456789abcdef\nb 0123456789abcdef",
            "x 0123456789abcdef\nx 0123456789abcdeg", "a/b 0123456789abcdef",
        ] {
            #expect(throws: VideoError.self) { try KeyRing(text: text) }
        }
        let folder = try TemporaryFolder()
        let path = try TestService.secret("keys", "alice 0123456789abcdef", in: folder)
        #expect(try KeyRing(path: path).asksForKeys)
        // As Windows writes files.
        _ = try TestService.secret(
            "keys", "\u{FEFF}alice 0123456789abcdef\r\nbob 0123456789abcdeg\r\n", in: folder)
        let keys = try KeyRing(path: path)
        #expect(try keys.owner(authorization: "Bearer 0123456789abcdef")?.name == "alice")
        #expect(try keys.owner(authorization: "Bearer 0123456789abcdeg")?.name == "bob")
        for mode in [0o604, 0o644, 0o620, 0o660, 0o610] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            #expect(throws: VideoError.self, "\(String(mode, radix: 8))") { try KeyRing(path: path) }
        }
        #expect(throws: VideoError.self) { try KeyRing(path: folder.path) }
        #expect(throws: VideoError.self) { try KeyRing(path: "/dev/zero") }
    }

    @Test func `seats are limited in all and by name, and come back`() {
        let seats = Seats(limit: 3, perName: 2)
        var first = seats.take("a", owner: nil)
        let second = seats.take("a", owner: nil)
        #expect(first != nil && second != nil && seats.take("a", owner: nil) == nil)
        let third = seats.take("b", owner: nil)
        #expect(third != nil && seats.take("c", owner: nil) == nil && seats.count == 3)
        first = nil
        #expect(seats.take("c", owner: nil) != nil)
        withExtendedLifetime((second, third)) {}
    }

    @Test func `no owner takes the last seats, and each that comes finds one`() {
        let seats = Seats(limit: 64)
        var taken: [String: [Seats.Seat]] = [:]
        for owner in ["greedy", "second", "third"] {
            while let seat = seats.take("x", owner: owner) { taken[owner, default: []].append(seat) }
        }
        #expect(taken.mapValues(\.count) == ["greedy": 48, "second": 12, "third": 3])
        taken["greedy"]?.removeLast(40)
        var more: [Seats.Seat] = []
        while let seat = seats.take("x", owner: "third") { more.append(seat) }
        #expect(more.count == 30 && seats.count == 53)
    }

    @Test func `progress grows with the work and stops at 99`() {
        let work = WorkEstimate(
            tokens: 1, passes: 1, decodedPixels: 1, flops: [.text: 10, .denoise: 80, .decode: 10], peakBytes: [:])
        let steps: [VideoProgress] = [
            .init(stage: .load, completed: 0, total: 1), .init(stage: .load, completed: 1, total: 1),
            .init(stage: .text, completed: 0, total: 1), .init(stage: .denoise, completed: 0, total: 4),
            .init(stage: .denoise, completed: 2, total: 4), .init(stage: .denoise, completed: 4, total: 4),
            .init(stage: .decode, completed: 0, total: 5), .init(stage: .decode, completed: 5, total: 5),
        ]
        let percents = steps.map { ProgressShare.percent($0, of: work) }
        #expect(percents == percents.sorted() && percents.first == 0 && percents.last == 99)
        #expect(percents[4] > percents[3])
        let odd = WorkEstimate(tokens: 0, passes: 0, decodedPixels: 0, flops: [.denoise: .nan], peakBytes: [:])
        #expect((0...99).contains(ProgressShare.percent(.init(stage: .decode, completed: -5, total: 0), of: odd)))
        #expect((0...99).contains(ProgressShare.percent(.init(stage: .denoise, completed: .max, total: 1), of: odd)))
    }

    @Test func `a webhook is signed as the standard says`() throws {
        // The example of the Standard Webhooks specification.
        let secret = try WebhookPolicy.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        let policy = WebhookPolicy(destinations: nil, secret: secret)
        let signature = try policy.signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_%%%"] {
            #expect(throws: VideoError.self) { try WebhookPolicy.secret(bad) }
        }
    }

    @Test func `what does not fit is the client's affair, in the words of the API`() {
        let error = VideoError(
            .outOfMemory, "61 GB, 25 free", field: .size,
            remedies: [
                "\(.tilesVAE, "true") makes it fit", "or \(.guidanceScale2, "1")", "\(.device, "cpu") does",
                "see \(.doctor)",
            ])
        let refused = APIError.refused(error)
        #expect(refused.status == 400 && refused.code == "out_of_memory" && refused.parameter == "size")
        #expect(refused.message == "61 GB, 25 free; vae_tiling = true makes it fit; or guidance_scale_2 = 1")
    }

    @Test func `words of the API are fields of it, and only its own`() {
        for term in Term.allCases {
            guard let name = Vocabulary.api.spelled(term) else {
                #expect(Parameter(term) == nil)
                continue
            }
            #expect(Parameter(name) != nil, "\(name)")
        }
        for term in [Term.device, .dtype, .threads, .stateFolder, .doctor, .scheduler] {
            #expect(Vocabulary.api.spelled(term) == nil)
        }
    }

    @Test func `metrics are text that Prometheus reads`() {
        var page = MetricText()
        page.family("a_total", .counter, "Help.")
        page.sample("a_total", [("code", "x\"y\\z\n")], 3)
        var histogram = Histogram([1, 2.5])
        for value in [0.5, 2, 9, .nan, .infinity] { histogram.add(value) }
        page.histogram("b", "Help.", histogram)
        #expect(
            page.text == """
                # HELP a_total Help.
                # TYPE a_total counter
                a_total{code="x\\"y\\\\z\\n"} 3
                # HELP b Help.
                # TYPE b histogram
                b_bucket{le="1"} 1
                b_bucket{le="2.5"} 2
                b_bucket{le="+Inf"} 3
                b_sum 11.5
                b_count 3

                """)
    }

    @Test func `a failure is told without what only this machine may know`() {
        for code in VideoError.Code.all {
            let text = FailureText.message(VideoError(code, "/home/x: 0x7ffe", hint: "rm /secret"))
            #expect(!text.contains("/") && !text.contains("0x") && !text.isEmpty)
        }
    }
}
