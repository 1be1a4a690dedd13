import Foundation
import Synchronization
import Testing

@testable import ComputeCUDA

/// What became of the kernels' texts: a line for each, under the digest of all that its machine code depends on.
enum MachineCodeRecord {
    static let name = "Snapshots/machine-code.txt"

    private static let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name)
    private static let isRecording = ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1"
    /// Compilers end side by side; each writes its own lines.
    private static let turn = Mutex(())

    private struct Line: Codable {
        let compiler: String
        let entry: String
        let code: MachineCode
    }

    /// Nothing where everything is to be compiled.
    static func entries() throws -> [String: MachineCode] {
        if isRecording { return [:] }
        return Dictionary(uniqueKeysWithValues: try lines().map { ($0.entry, $0.code) })
    }

    private static func lines() throws -> [Line] {
        let text = try String(contentsOf: url, encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    /// Says what was compiled although nothing had to be, or writes it down, which fails on purpose.
    static func note(_ found: [String: MachineCode], of wheel: NVRTCWheel, _ known: [String: MachineCode]) throws {
        let news = found.keys.filter { known[$0] == nil }
        if news.isEmpty || CompileMatrix.isWhole { return }
        guard isRecording else {
            print("\(news.count) texts were compiled by \(wheel) because \(name) does not have them:")
            print("RECORD_SNAPSHOTS=1 swift test --filter CompileMatrixTests writes down what became of them")
            return
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try turn.withLock { _ in
            let compiler = "\(wheel.version)"
            let others = ((try? lines()) ?? []).filter { $0.compiler != compiler }
            let own = found.map { Line(compiler: compiler, entry: $0, code: $1) }
            let all = (others + own).sorted { ($0.entry, $0.compiler) < ($1.entry, $1.compiler) }
            let texts = try all.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
            try (texts.joined(separator: "\n") + "\n").write(to: url, atomically: true, encoding: .utf8)
        }
        Issue.record("recorded \(found.count) texts of \(wheel) in \(name)")
    }
}
