import Foundation
import TestSupport
import TestTools

/// `wan-infer serve`, as long as a test needs it.
enum ServedProgram {
    private static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path

    /// What it says until it has listened for so long, or has ended by itself.
    static func errors(
        _ words: [String], folder: String? = nil, environment: [String: String] = [:], seconds: Double = 0
    ) throws -> String {
        let scratch = try TemporaryFolder()
        let file = scratch.file("errors")
        _ = FileManager.default.createFile(atPath: file, contents: nil)
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = ["serve"] + words
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: file)
        try process.run()
        func said() throws -> String { try String(contentsOfFile: file, encoding: .utf8) }
        _ = try eventually { try said().contains("listening on") || !process.isRunning }
        usleep(UInt32(seconds * 1e6))
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
        return try said()
    }
}
