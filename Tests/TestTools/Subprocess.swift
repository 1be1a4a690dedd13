package import Foundation
import TestSupport

/// A finished program: its status and what it wrote.
package struct Subprocess: Sendable {
    package let status: Int32
    package let output: String
    package let errors: String

    /// Runs a program with an argument list, no shell; nil input closes its standard input at once.
    package init(
        _ program: String, _ arguments: [String], input: Data? = nil, folder: String? = nil,
        environment: [String: String] = [:]
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let scratch = try TemporaryFolder()
        // Files, not pipes: nothing can fill up and block.
        for name in ["in", "out", "err"] {
            _ = FileManager.default.createFile(atPath: scratch.file(name), contents: name == "in" ? input : nil)
        }
        process.standardInput = input == nil ? FileHandle.nullDevice : FileHandle(forReadingAtPath: scratch.file("in"))
        process.standardOutput = FileHandle(forWritingAtPath: scratch.file("out"))
        process.standardError = FileHandle(forWritingAtPath: scratch.file("err"))
        try process.run()
        process.waitUntilExit()
        status = process.terminationStatus
        output = String(decoding: try Data(contentsOf: URL(fileURLWithPath: scratch.file("out"))), as: UTF8.self)
        errors = String(decoding: try Data(contentsOf: URL(fileURLWithPath: scratch.file("err"))), as: UTF8.self)
    }

    /// The full path of a program, nil where it is not installed.
    package static func find(_ program: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(program)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
