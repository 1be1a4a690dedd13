import Foundation
import HTTPClient
package import StrictJSON
import Synchronization
import TestSupport

/// Fake clouds in a process of their own, which ends with this.
package final class CloudBed: Sendable {
    private let process: Mutex<(process: Process, input: Pipe)>
    private let addresses: [String: String]
    private let client = HTTPClient()

    package struct Failure: Error {
        package let message: String

        package init(message: String) { self.message = message }
    }

    package init(_ clouds: [String]) throws {
        guard let python = Subprocess.find("python3") else { throw Failure(message: "no python3") }
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [folder.appending(path: "FakeClouds").path()] + clouds
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var text = Data()
        while !String(decoding: text, as: UTF8.self).contains("\"ready\"") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Failure(message: "the fake clouds did not start") }
            text += more
        }
        var addresses: [String: String] = [:]
        for line in text.split(separator: 0x0A) {
            let value = try JSONValue(Array(line))
            guard let cloud = Self.text(value, "cloud") else { continue }
            addresses[cloud] = Self.text(value, "url")
        }
        self.addresses = addresses
        self.process = Mutex((process, input))
    }

    deinit {
        process.withLock {
            try? $0.input.fileHandleForWriting.close()
            $0.process.waitUntilExit()
        }
    }

    private static func text(_ value: JSONValue, _ name: String) -> String? {
        guard case .object(let members) = value, case .string(let text)? = members[Array(name.utf8)] else { return nil }
        return text
    }

    private static func elements(_ value: JSONValue) -> [JSONValue] {
        if case .array(let elements) = value { elements } else { [] }
    }

    package func url(_ cloud: String) -> String { addresses[cloud] ?? "" }

    private func call(_ cloud: String, _ action: String, _ body: String? = nil) throws -> JSONValue {
        var call = HTTPCall(body == nil ? .get : .post, try WebAddress(url(cloud) + "/_fake/" + action))
        if let body { call.body = .bytes(Array(body.utf8)) }
        call.maxBytes = 64 << 20
        return try JSONValue(try client.perform(call).body)
    }

    /// Small clips, whatever is ordered, unless the script says otherwise.
    package func script(_ cloud: String, _ members: String = "") throws {
        let clip = #""clip": {"width": 64, "height": 36, "seconds": 1}"#
        let text = members.contains("\"clip\"") ? members : members.isEmpty ? clip : clip + ", " + members
        _ = try call(cloud, "script", "{\(text)}")
    }

    package func reset(_ cloud: String) throws {
        _ = try call(cloud, "reset", "{}")
        try script(cloud)
    }

    /// Orders that were accepted.
    package func jobs(_ cloud: String) throws -> [JSONValue] { Self.elements(try call(cloud, "jobs")) }

    /// Calls that came.
    package func log(_ cloud: String) throws -> [JSONValue] { Self.elements(try call(cloud, "log")) }
}
