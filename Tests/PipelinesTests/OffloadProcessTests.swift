import Foundation
import TestSupport
import TestTools
import Testing

/// What a clip takes of the processor's memory, as the kernel counts it.
@Suite(.bounded(minutes: 20)) struct OffloadProcessTests {
    private struct Report: Decodable {
        let planned: Int
        let peak: Int
        let digest: UInt64
    }

    private static let child = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("offload-child").path

    /// A gigabyte of weights, most of it in 6 blocks.
    private static func model() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try WideModel(blocks: 6, heads: 24, width: 64, hidden: 6144)
            .write(Fixture.path("wan21-t2v/model"), to: folder.path)
        return folder
    }

    private static func words(_ folder: TemporaryFolder, _ offload: String) -> [String] {
        [folder.path, offload, "32", "1", "2", Fixture.path("wan21-t2v/model")]
    }

    private static func report(_ run: Subprocess) throws -> Report {
        try #require(run.status == 0, "\(run.errors)")
        return try JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
    }

    @Test func `a processor's memory is filled as planned`() throws {
        let folder = try Self.model()
        var reports: [Report] = []
        for offload in ["none", "networks", "blocks"] {
            let report = try Self.report(Subprocess(Self.child, Self.words(folder, offload)))
            let share = Double(report.peak) / Double(report.planned)
            #expect(abs(share - 1) < 0.05, "\(offload): \(report)")
            reports.append(report)
        }
        #expect(Set(reports.map(\.digest)).count == 1)
        #expect(reports[2].planned < reports[0].planned / 3)
    }

    @Test(.needsMemoryLimit) func `the kernel lets it have no more`() throws {
        let folder = try Self.model()
        let free = try Self.report(Subprocess(Self.child, Self.words(folder, "none")))
        // The program itself and the C library's memory come on top.
        let limit = try Self.report(Subprocess(Self.child, Self.words(folder, "blocks"))).planned + 64 << 20
        try #require(limit < free.planned / 2)
        let limited = try Self.report(MemoryLimit.run(Self.child, Self.words(folder, "blocks"), bytes: limit))
        #expect(limited.digest == free.digest)
    }
}
