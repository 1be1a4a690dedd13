import Foundation
import TestTools

/// A running `fake-service queue`, to be asked and to be killed.
final class QueueProcess {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var pending: [UInt8] = []

    /// - Parameter failPoint: where it or its worker shall die.
    init(_ folder: String, failPoint: String? = nil) throws {
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(fileURLWithPath: Workshop.program)
        process.arguments = ["queue", folder]
        let point = failPoint.map { ["WAN_FAILPOINT": $0] } ?? [:]
        process.environment = ProcessInfo.processInfo.environment.merging(point) { $1 }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // Only the child may hold its ends, or the end of either would never be seen.
        try input.fileHandleForReading.close()
        try output.fileHandleForWriting.close()
    }

    deinit {
        if process.isRunning { kill() }
    }

    var number: pid_t { process.processIdentifier }

    /// Whether it was taken; what is sent to the dead is lost.
    @discardableResult
    func send(_ line: String) -> Bool {
        let bytes = Array((line + "\n").utf8)
        return unsafe write(input.fileHandleForWriting.fileDescriptor, bytes, bytes.count) == bytes.count
    }

    /// The next line; nil where the process has died or says nothing for minutes.
    func line() -> String? {
        let descriptor = output.fileHandleForReading.fileDescriptor
        while true {
            if let end = pending.firstIndex(of: 10) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeSubrange(...end)
                return line
            }
            var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&one, 1, 240_000) == 1 else { return nil }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = unsafe read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return nil }
            pending += buffer[..<count]
        }
    }

    func ask(_ line: String) -> String? { send(line) ? self.line() : nil }

    /// How many jobs came to which end; nil where the process has died.
    func counts() -> (completed: Int, failed: Int)? {
        guard let words = ask("counts")?.split(separator: " ") else { return nil }
        func value(_ name: String) -> Int? {
            words.first { $0.hasPrefix(name + "=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
        }
        guard let completed = value("completed"), let failed = value("failed") else { return nil }
        return (completed, failed)
    }

    /// Its worker, as the kernel knows it.
    var worker: pid_t? { ProcessTable.children(of: number).first }

    func kill() {
        Glibc.kill(number, SIGKILL)
        process.waitUntilExit()
    }

    /// Ends its input, on which it drains; how it ended.
    func end() throws -> Int32 {
        try input.fileHandleForWriting.close()
        return waitForExit()
    }

    func waitForExit() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }
}
