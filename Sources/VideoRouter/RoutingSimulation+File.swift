import Files
import Glibc
import StrictJSON
package import VideoTypes

extension RoutingSimulation {
    /// Every line of a log, in order; one that was torn is passed over and counted, one of another kind ends it.
    ///
    /// - Parameter goesOn: asked now and then whether to go on.
    package mutating func replay(
        file path: String, goesOn: () -> Bool = { true }, each body: (SimulatedDecision) -> Void
    ) throws(VideoError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.unreadable(path) }
        defer { close(descriptor) }
        var number = 0
        var rest: [UInt8] = []
        // Bytes that are known to hold no end of a line.
        var searched = 0
        var isOver = false
        while !isOver {
            guard goesOn() else { throw VideoError(.cancelled, "cancelled while reading the log") }
            let chunk = try Self.chunk(descriptor, path)
            isOver = chunk.isEmpty
            rest += chunk
            var start = 0
            while let end = rest[max(start, searched)...].firstIndex(of: 0x0A) {
                number += 1
                try replay(rest[start..<end], number, path, body)
                start = end + 1
            }
            rest.removeFirst(start)
            searched = rest.count
            if isOver || rest.count > DecisionLine.byteLimit {
                number += 1
                try replay(rest[...], number, path, body)
            }
        }
    }

    private mutating func replay(
        _ line: ArraySlice<UInt8>, _ number: Int, _ path: String, _ body: (SimulatedDecision) -> Void
    ) throws(VideoError) {
        guard line.count > DecisionLine.byteLimit || line.contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 })
        else { return }
        do throws(JSONFieldError) {
            body(try replay(Array(line)))
        } catch {
            // A line that a power cut or a full disk has torn says nothing about the others.
            if line.count <= DecisionLine.byteLimit, (try? JSONValue(Array(line))) == nil {
                return passOver(line: number)
            }
            throw VideoError(
                .invalidRequest, "\(path.printable), line \(number): \(error.message)",
                hint: "every line must be one that the router has written")
        }
    }

    private static func chunk(_ descriptor: Int32, _ path: String) throws(VideoError) -> [UInt8] {
        var status = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
            repeat { status = unsafe read(descriptor, buffer.baseAddress, 1 << 18) } while status < 0 && errno == EINTR
            count = max(status, 0)
        }
        guard status >= 0 else { throw unreadable(path) }
        return bytes
    }

    private static func unreadable(_ path: String) -> VideoError {
        VideoError(
            .invalidRequest, "cannot read \(path.printable): \(SystemError.text(errno))",
            hint: "give a file that the router's decision log was written to")
    }
}

extension RoutingPolicy {
    /// Reads a policy from a file.
    package init(file path: String) throws(VideoError) {
        let bytes: [UInt8]
        do throws(FileFailure) {
            guard let found = try FileBytes.read(path) else { throw FileFailure("open", ENOENT) }
            bytes = found
        } catch {
            throw VideoError(.invalidRequest, "cannot read the policy \(path.printable): \(error)")
        }
        do throws(JSONFieldError) {
            try self.init(json: bytes)
        } catch {
            throw VideoError(
                .invalidRequest, "the policy \(path.printable): \(error.message)",
                hint: "it is one JSON object, for example {\"without\": [\"cloud\"]}")
        }
    }
}
