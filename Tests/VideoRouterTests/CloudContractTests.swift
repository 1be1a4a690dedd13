import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// What holds at every cloud, whatever its API: one body of tests for all of them.
@Suite(.bounded, .needs("python3", "ffmpeg")) struct CloudContractTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A cloud with nothing in it, and a provider with a book of its own.
    private struct Scene {
        let place: CloudCase
        let bed: CloudBed
        let book: OrderBook
        let provider: CloudProvider
        let folder: TemporaryFolder

        init(_ place: CloudCase, _ folder: TemporaryFolder) throws {
            self.place = place
            self.folder = folder
            bed = try CloudBed([place.cloud])
            book = try OrderBook(path: folder.file("orders"))
            provider = try place.provider(bed, folder, book: book)
            try bed.reset(place.cloud)
        }

        func script(_ members: String) throws { try bed.script(place.cloud, members) }

        func outcome(_ request: VideoRequest) async -> Result<VideoResult, ProviderError> {
            do throws(ProviderError) {
                return .success(try await provider.generate(request) { _ in })
            } catch {
                return .failure(error)
            }
        }

        func error(_ request: VideoRequest) async -> ProviderError? {
            guard case .failure(let error) = await outcome(request) else { return nil }
            return error
        }

        var jobs: [JSONValue] { get throws { try bed.jobs(place.cloud) } }

        /// Nothing that was fetched by a link had a key with it.
        func keysBesideLinks() throws -> [String] {
            try bed.log(place.cloud).filter { $0.value(at: ["port"])?.plainText != "api" }.map(\.text)
                .filter { $0.contains(CloudCase.key) || $0.contains("authorization") || $0.contains("x-goog-api-key") }
        }
    }

    // MARK: A clip

    @Test(arguments: CloudCase.all)
    func `a clip is ordered once, watched, brought, and not ordered again`(_ place: CloudCase) async throws {
        let scene = try Scene(place, folder)
        var request = place.request()
        request.traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let said = try await scene.provider.capabilities(for: request)
        #expect(said.obstacles == [] && said.model == place.model)
        let clip = try await scene.outcome(request).get()
        #expect(clip.width == 64 && clip.height == 36 && clip.frames == 24 && clip.provider == place.cloud)
        #expect(try scene.jobs.count == 1)
        let id = try #require(clip.metadata["remote_id"])
        #expect(try scene.jobs.first?.value(at: ["id"])?.plainText.map(JSONText.string) == id)
        // Who asks once more, as after a restart, gets the same file.
        let again = try await scene.outcome(request).get()
        #expect(again.path == clip.path && again.costDollars == clip.costDollars)
        #expect(try scene.jobs.count == 1 && scene.book.openCount == 0)
        var other = request
        other.prompt = "a blue ball"
        #expect(await scene.error(other) == .idInUse)
        #expect(try scene.keysBesideLinks() == [])
        // Who follows a trace sees the order in it; hosts of files do not.
        let traced = try scene.bed.log(place.cloud).filter { $0.value(at: ["headers", "traceparent"]) != nil }
        #expect(traced.count == 1 && traced.first?.value(at: ["method"])?.plainText == "POST")
        #expect(traced.first?.value(at: ["headers", "traceparent"])?.plainText == request.traceParent)
        #expect(traced.first?.value(at: ["port"])?.plainText == "api")
        if said.costDollars.isFinite, clip.metadata["reported_dollars"] == nil {
            #expect(abs(clip.costDollars - said.costDollars) < 1e-9)
        }
        #expect(await scene.provider.spentDollars(on: request.id) == clip.costDollars)
    }

    // MARK: Refusals

    private static let refusals: [(fault: String, names: Set<String>)] = [
        ("rate_limit", ["quota", "capacity"]), ("capacity", ["capacity"]), ("server", ["server_error"]),
        ("balance", ["quota"]), ("auth", ["authentication"]), ("policy", ["content_policy_violation"]),
        ("bad_request", ["bad_request"]), ("retired", ["bad_request", "authentication"]),
    ]

    @Test(arguments: CloudCase.all)
    func `what the cloud refuses is told by its kind and costs nothing`(_ place: CloudCase) async throws {
        let scene = try Scene(place, folder)
        for (fault, names) in Self.refusals {
            try scene.script(#""submit": [{"fault": "\#(fault)", "retry_after": "3"}]"#)
            let request = place.request()
            let error = await scene.error(request)
            #expect(names.contains(error?.name ?? "none"), "\(fault): \(String(describing: error))")
            #expect(error?.message.contains(CloudCase.key) == false)
            #expect(await scene.provider.spentDollars(on: request.id) == 0, "\(fault)")
            #expect(await !scene.provider.hasOpenOrder(of: request.id), "\(fault)")
        }
        #expect(try scene.jobs.isEmpty)
    }

    private static let ends: [(end: String, names: Set<String>)] = [
        ("policy", ["content_policy_violation"]), ("policy_output", ["content_policy_violation"]),
        ("failed", ["server_error"]), ("empty", ["corrupt_output", "server_error"]),
    ]

    @Test(arguments: CloudCase.all)
    func `a clip that fails at the cloud is an error by its kind, and is not looked for again`(
        _ place: CloudCase
    ) async throws {
        let scene = try Scene(place, folder)
        for (end, names) in Self.ends {
            // OpenAI's finished clip without a file is found out when it is fetched.
            try scene.script(#""ends": ["\#(end)"]"#)
            let request = place.request()
            let error = await scene.error(request)
            #expect(names.contains(error?.name ?? "none"), "\(end): \(String(describing: error))")
            #expect(await !scene.provider.hasOpenOrder(of: request.id), "\(end)")
        }
        #expect(try scene.jobs.count == Self.ends.count)
    }

    // MARK: An answer that never came

    @Test(arguments: CloudCase.all)
    func `an order whose answer was lost is found or stays unknown, and is not placed again`(
        _ place: CloudCase
    ) async throws {
        let scene = try Scene(place, folder)
        let request = place.request()
        let price = try await scene.provider.capabilities(for: request).costDollars
        try scene.script(#""submit": [{"fault": "drop_after"}], "working_polls": 2"#)
        let outcome = await scene.outcome(request)
        #expect(try scene.jobs.count == 1)
        if place.finds {
            #expect(try outcome.get().frames == 24)
            return
        }
        guard case .failure(.uncertain) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(await scene.provider.hasOpenOrder(of: request.id))
        let spent = try #require(await scene.provider.spentDollars(on: request.id))
        #expect(spent == (price.isFinite ? price : 0))
        // Neither this provider nor another of the same cloud orders it again.
        #expect(await scene.error(request)?.name == "outcome_unknown")
        let other = try CloudProvider("other", scene.provider.desk, model: place.model)
        let said = try await other.capabilities(for: request)
        #expect(said.obstacles.contains { $0.reason.contains("under way") })
        do throws(ProviderError) {
            _ = try await other.generate(request) { _ in }
            Issue.record("ordered a second time")
        } catch {
            #expect(error.name == "outcome_unknown")
        }
        #expect(try scene.jobs.count == 1)
    }

    @Test(arguments: CloudCase.all)
    func `an order of which nobody knows whether it came is not placed again`(_ place: CloudCase) async throws {
        let scene = try Scene(place, folder)
        for fault in ["drop", "html", "garbage"] {
            try scene.script(#""submit": [{"fault": "\#(fault)"}]"#)
            let request = place.request("a ball of \(fault)")
            let error = await scene.error(request)
            #expect(try scene.jobs.isEmpty)
            guard !place.knowsAbsence else {
                // The cloud knows every order by our name: this one may be placed again.
                #expect(error?.name == "transport", "\(fault): \(String(describing: error))")
                #expect(await scene.provider.spentDollars(on: request.id) == 0)
                continue
            }
            #expect(error?.name == "outcome_unknown", "\(fault): \(String(describing: error))")
            #expect(await scene.error(request)?.name == "outcome_unknown")
            #expect(try scene.jobs.isEmpty)
        }
        guard place.knowsAbsence else { return }
        #expect(try await scene.outcome(place.request("a ball of drop")).get().frames == 24)
    }

    @Test func `nothing is unknown where nobody could be reached`() async throws {
        let place = try #require(CloudCase.all.first { $0.cloud == "fal" })
        let scene = try Scene(place, folder)
        let nobody = try place.provider(scene.bed, folder, book: scene.book) { $0.url = "http://127.0.0.1:1" }
        let request = place.request()
        do throws(ProviderError) {
            _ = try await nobody.generate(request) { _ in }
            Issue.record("a clip of nobody")
        } catch {
            #expect(error.name == "transport")
        }
        #expect(await !nobody.hasOpenOrder(of: request.id) && scene.book.totalDollars == 0)
    }

    // MARK: Looks and links that fail

    @Test(arguments: CloudCase.all)
    func `looks that fail are repeated, the order is not`(_ place: CloudCase) async throws {
        let scene = try Scene(place, folder)
        let faults = ["html", "drop", "rate_limit", "garbage", "server", "capacity"]
        let steps = faults.map { #"{"fault": "\#($0)", "retry_after": "0.05"}"# }.joined(separator: ", ")
        try scene.script(#""poll": [\#(steps)], "working_polls": 2"#)
        #expect(try await scene.outcome(place.request()).get().frames == 24)
        #expect(try scene.jobs.count == 1)
    }

    @Test(arguments: CloudCase.all.filter(\.hasLink))
    func `links and downloads that fail are asked for anew, and no key goes along`(_ place: CloudCase) async throws {
        let scene = try Scene(place, folder)
        let faults = ["expired", "cut", "short", "long", "junk", "chunked", "redirect"]
        for fault in faults {
            try scene.script(#""download": [{"fault": "\#(fault)"}]"#)
            let outcome = await scene.outcome(place.request())
            #expect((try? outcome.get().frames) == 24, "\(fault): \(outcome)")
        }
        #expect(try scene.jobs.count == faults.count)
        #expect(try scene.keysBesideLinks() == [])
        for (fault, count) in [("junk", 4), ("expired", 9), ("loop", 1)] {
            let steps = Array(repeating: #"{"fault": "\#(fault)"}"#, count: count).joined(separator: ", ")
            // Google's own link leads to another host by itself, but for this.
            try scene.script(#""download": [\#(steps)], "direct": \#(fault == "loop")"#)
            let request = place.request()
            let error = await scene.error(request)
            #expect(error?.name == "corrupt_output", "\(fault): \(String(describing: error))")
            let said = try await scene.provider.capabilities(for: request).costDollars
            let spent = await scene.provider.spentDollars(on: request.id)
            if said.isFinite { #expect(spent == said, "\(fault)") }
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.file("clips"))
        #expect(files.count == faults.count, "what is no video does not stay: \(files)")
    }

    // MARK: Cancelling and restarting

    @Test(arguments: CloudCase.all)
    func `what is cancelled is stopped at the cloud where it stops anything`(_ place: CloudCase) async throws {
        let scene = try Scene(place, folder)
        try scene.script(#""queued_polls": 100000"#)
        let request = place.request()
        let task = Task { await scene.outcome(request) }
        #expect(try await becomesTrue { try scene.jobs.count == 1 })
        await scene.provider.cancel(request.id)
        guard case .failure(.cancelled) = await task.value else {
            Issue.record("it was not cancelled")
            return
        }
        #expect(try await becomesTrue { await !scene.provider.hasOpenOrder(of: request.id) })
        #expect(try scene.jobs.first?.value(at: ["cancelled"]) == .bool(place.cancels))
        // Who asks again orders again: this is what was wanted.
        try scene.script(#""queued_polls": 0"#)
        #expect(try await scene.outcome(request).get().frames == 24)
        #expect(try scene.jobs.count == 2)
    }

    @Test(arguments: CloudCase.all)
    func `what is out of time is stopped where the cloud stops anything, else stays open`(
        _ place: CloudCase
    ) async throws {
        let scene = try Scene(place, folder)
        try scene.script(#""queued_polls": 100000"#)
        var request = place.request()
        let price = try await scene.provider.capabilities(for: request).costDollars
        // Time enough to place the order, on whatever machine.
        for seconds in [0.5, 5, 50] {
            request.maxLatencySeconds = seconds
            #expect(await scene.error(request) == .deadline)
            if try !scene.jobs.isEmpty { break }
        }
        #expect(try scene.jobs.first?.value(at: ["cancelled"]) == .bool(place.cancels))
        // What cannot be stopped is paid, and is fetched by whoever asks for it again.
        #expect(await scene.provider.hasOpenOrder(of: request.id) == !place.cancels)
        if !place.cancels, price.isFinite { #expect(await scene.provider.spentDollars(on: request.id) == price) }
        #expect(try scene.jobs.count == 1)
    }

    @Test(arguments: CloudCase.all)
    func `a clip whose progress stops is given up, stopped where that can be, and paid`(
        _ place: CloudCase
    ) async throws {
        let scene = try Scene(place, folder)
        try scene.script(#""queued_polls": 0, "working_polls": 100000"#)
        var request = place.request()
        let price = try await scene.provider.capabilities(for: request).costDollars
        for seconds in [1, 10, 100] as [Double] {
            request.maxLatencySeconds = seconds
            #expect(await scene.error(request) == .deadline)
            if try !scene.jobs.isEmpty { break }
        }
        #expect(try scene.jobs.count == 1)
        // MiniMax stops only what it has not begun.
        let isStopped = place.cancels && place.cloud != "minimax"
        #expect(try scene.jobs.first?.value(at: ["cancelled"]) == .bool(isStopped))
        #expect(await scene.provider.hasOpenOrder(of: request.id) == !isStopped)
        if price.isFinite { #expect(await scene.provider.spentDollars(on: request.id) == price) }
    }

    @Test(arguments: CloudCase.all)
    func `after a restart every open order is found, watched and brought`(_ place: CloudCase) async throws {
        let scene = try Scene(place, folder)
        try scene.script(#""queued_polls": 2"#)
        let request = place.request()
        // Placed by a process that never comes to look.
        let slow = try place.provider(scene.bed, folder, book: scene.book, poll: 1000)
        let task = Task { try? await slow.generate(request) { _ in } }
        #expect(try await becomesTrue { scene.book.open(at: place.cloud).contains { $0.ticket != nil } })
        try FileManager.default.copyItem(atPath: folder.file("orders"), toPath: folder.file("copy"))
        let book = try OrderBook(path: folder.file("copy"))
        let next = try place.provider(scene.bed, folder, book: book)
        #expect(await next.hasOpenOrder(of: request.id))
        let said = try await next.capabilities(for: request)
        #expect(said.costDollars == 0, "it is paid already")
        let recovered = await next.recover()
        let clip = try #require(recovered[request.id]).get()
        #expect(clip.frames == 24 && book.openCount == 0)
        #expect(try await next.generate(request) { _ in }.path == clip.path)
        #expect(try scene.jobs.count == 1)
        task.cancel()
        _ = await task.value
    }
}
