import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoTypes
import cloud_child

@testable import VideoRouter

/// A router over all fake clouds is killed again and again while they fail at random: no order is lost, none is placed
/// twice, and the books are what the clouds' own logs say.
@Suite(.bounded(minutes: 20), .needs("python3", "ffmpeg")) struct CloudCrashTests {
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("cloud-child")
    /// 50 with `make test-long`.
    private static let kills = Int(ProcessInfo.processInfo.environment["WAN_KILLS"] ?? "") ?? 5
    private static let orders = kills * 20

    private static let places = CloudCase.all.filter { !$0.hasSecret && $0.model != "MiniMax-H3" }

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func child(_ bed: CloudBed) throws -> Process {
        let process = Process()
        process.executableURL = Self.program
        process.arguments =
            [folder.path, "\(Self.orders)"]
            + Self.places.map { "\($0.cloud)/\($0.model)=\(bed.url($0.cloud))\($0.path)" }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Faults that a cloud and its network have at random, none of which loses a clip for good.
    private func faults(_ random: inout SplitMix) -> String {
        func steps(_ faults: [String], _ share: UInt64) -> String {
            let list = (0..<60).map { _ in
                random.next() % 100 < share
                    ? #"{"fault": "\#(faults[Int(random.next() % UInt64(faults.count))])", "retry_after": "0.1"}"#
                    : "null"
            }
            return "[" + list.joined(separator: ", ") + "]"
        }
        return """
            "submit": \(steps(["drop", "drop_after", "server", "capacity", "rate_limit", "html", "policy"], 25)),
            "poll": \(steps(["drop", "html", "garbage", "rate_limit", "server"], 15)),
            "download": \(steps(["expired", "cut", "redirect", "chunked"], 15)), "working_polls": 3
            """
    }

    @Test func `no order is lost or placed twice, whatever fails and however often the router dies`() async throws {
        let clouds = Self.places.map(\.cloud)
        let bed = try CloudBed(clouds)
        for name in ["results", "clips"] {
            try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        }
        let rows = Self.places.map {
            #"{"cloud": "\#($0.cloud)", "model": "\#($0.model)", "currency": "USD", "date": "2026-11-30", "#
                + #""per": "second", "rates": [{"amount": 0.1}]}"#
        }
        try Data("{\"prices\": [\(rows.joined(separator: ", "))]}".utf8)
            .write(to: URL(filePath: folder.file("prices.json")))
        _ = FileManager.default.createFile(
            atPath: folder.file("key"), contents: Data(CloudCase.key.utf8), attributes: [.posixPermissions: 0o600])
        var random = SplitMix(state: 20_261_130)
        for cloud in clouds { try bed.reset(cloud) }
        for _ in 0..<Self.kills {
            for cloud in clouds { try bed.script(cloud, faults(&random)) }
            let process = try child(bed)
            try await Task.sleep(for: .milliseconds(Int(300 + random.next() % 900)))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        for cloud in clouds {
            try bed.script(cloud, #""submit": [], "poll": [], "download": [], "working_polls": 1"#)
        }
        let last = try child(bed)
        let results = folder.file("results")
        let isWhole = try grows(to: Self.orders) {
            guard last.isRunning else { return Self.orders }
            return try FileManager.default.contentsOfDirectory(atPath: results).count { Int($0) != nil }
        }
        if !(isWhole && eventually { !last.isRunning }) { kill(last.processIdentifier, SIGKILL) }
        last.waitUntilExit()
        #expect(last.terminationStatus == 0 && last.terminationReason == .exit)
        try check(bed)
    }

    private func check(_ bed: CloudBed) throws {
        let book = try OrderBook(path: folder.file("orders"))
        let records = book.summary.compactMap { try? JSONValue(Array($0.description.utf8)) }
        let word = { (record: JSONValue, name: String) in record.value(at: [name])?.plainText ?? "" }
        var jobs: [String: String] = [:]
        for place in Self.places {
            for job in try bed.jobs(place.cloud) { jobs[word(job, "id")] = place.cloud }
        }
        let tickets = records.map { word($0, "ticket") }.filter { !$0.isEmpty }
        #expect(Set(tickets).count == tickets.count, "one clip of a cloud is two orders' in the book")
        // What the book calls placed is at the cloud; what is at the cloud is in the book, by its ticket or as unknown.
        for ticket in tickets { #expect(jobs[ticket] != nil, "\(ticket) is at no cloud") }
        for place in Self.places {
            let own = records.filter { word($0, "provider") == place.cloud }
            let stray = jobs.filter { $0.value == place.cloud && !tickets.contains($0.key) }.count
            let unknown = own.count { word($0, "state") == "unknown" }
            #expect(stray <= unknown, "\(place.cloud): \(stray) clips that nobody knows of, \(unknown) unknown orders")
        }
        // A request has one clip, or one order of which nobody knows.
        for (request, orders) in Dictionary(grouping: records, by: { word($0, "request") }) {
            let live = orders.filter { ["done", "placed", "unknown", "placing", "lost"].contains(word($0, "state")) }
            #expect(live.count <= 1, "\(request): \(live.map(\.text))")
            let spent = orders.reduce(0) { $0 + ($1.value(at: ["charge"])?.plainNumber ?? 0) }
            #expect(spent <= 4 + 1e-9, "\(request) has cost \(spent)")
        }
        #expect(!records.contains { ["placing", "placed"].contains(word($0, "state")) })
        let done = records.count { word($0, "state") == "done" }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.file("clips")).filter {
            $0.hasSuffix(".mp4")
        }
        #expect(done == files.count && done > Self.orders / 2, "\(done) of \(Self.orders) done, \(files.count) files")
        // A child that is killed while it writes leaves a file under another name.
        let results = try FileManager.default.contentsOfDirectory(atPath: folder.file("results")).compactMap { Int($0) }
        #expect(results.sorted() == Array(0..<Self.orders))
    }
}
