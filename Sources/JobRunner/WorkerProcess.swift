import CProcess
import Files
import Glibc
import JobStore
import VideoTypes

/// The service's side of one worker.
///
/// Confined to one thread, which must live as long as the worker: the kernel ties the two.
final class WorkerProcess {
    let number: pid_t
    /// Readable when there is something to `receive`.
    let channel: Int32
    /// Whether the worker's end is closed: it has died, or soon will.
    private(set) var isClosed = false
    private var lines = MessageLines()
    private var outgoing: ArraySlice<UInt8> = []

    /// - Parameter environment: "NAME=value" each.
    init(_ command: [String], environment: [String]) throws(VideoError) {
        var ends: [Int32] = [-1, -1]
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue
        guard unsafe socketpair(AF_UNIX, Int32(kind), 0, &ends) == 0 else { throw Self.failure("socketpair", errno) }
        // Out of the way of the numbers that the child gets.
        let theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, 2 * WorkerLoop.descriptor + 1)
        close(ends[1])
        guard theirs >= 0 else {
            close(ends[0])
            throw Self.failure("fcntl", errno)
        }
        defer { close(theirs) }
        channel = ends[0]
        _ = fcntl(channel, F_SETFL, O_NONBLOCK)
        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer { unsafe Self.free(arguments + variables) }
        number = unsafe process_start(arguments[0], &arguments, &variables, theirs)
        guard number > 0 else {
            close(channel)
            throw Self.failure("posix_spawn", -number)
        }
    }

    deinit {
        close(channel)
    }

    var hasSomethingToSend: Bool { !outgoing.isEmpty && !isClosed }

    func send(_ message: WorkerMessage) {
        guard let line = try? MessageLines.line(message) else {
            isClosed = true
            return
        }
        outgoing += line
        flush()
    }

    /// Sends what the worker takes without our waiting for it.
    func flush() {
        while hasSomethingToSend {
            let count = unsafe outgoing.withUnsafeBytes {
                unsafe Glibc.send(channel, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else {
                isClosed = true
                return
            }
            outgoing = outgoing.dropFirst(count)
        }
    }

    /// What the worker has said by now.
    func receive() -> [WorkerMessage] {
        var messages: [WorkerMessage] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !isClosed {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(channel, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            guard count > 0 else {
                isClosed = true
                break
            }
            lines.append(buffer[..<count])
            do throws(MessageLines.Fault) {
                while let message = try lines.next() { messages.append(message) }
            } catch {
                isClosed = true
            }
        }
        return messages
    }

    func kill() { _ = Glibc.kill(-number, SIGKILL) }

    /// How the process ended, once it has; asked for once.
    func reap() -> String? {
        var status: Int32 = 0
        guard unsafe waitpid(number, &status, WNOHANG) == number else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? "status \(status >> 8 & 0xFF)" : "signal \(signal)"
    }

    private static func free(_ texts: [UnsafeMutablePointer<CChar>?]) {
        for index in unsafe texts.indices { unsafe Glibc.free(texts[index]) }
    }

    private static func failure(_ call: String, _ number: Int32) -> VideoError {
        let reason = SystemError.text(number)
        return VideoError(
            .internalError, "the worker cannot be started: \(call): \(reason)",
            hint: number == EMFILE || number == ENFILE
                ? "raise the limit on open files: ulimit -n"
                : "look whether the program is still where it was when the service was started")
    }
}
