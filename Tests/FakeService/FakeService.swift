import Glibc
import JobRunner
import VideoProvider
import VideoTypes

/// The service with an engine that pretends.
@main
enum FakeService {
    static func main() {
        let words = CommandLine.arguments.dropFirst()
        do throws(VideoError) {
            switch words.first {
            case "worker":
                let script = unsafe getenv("WAN_FAKE").map { unsafe String(cString: $0) }
                try WorkerLoop().run { () throws(VideoError) in try engine(script ?? "") }
            case "queue" where words.count == 2:
                try QueueCommand(stateFolder: words.last ?? "").run()
            case "serve":
                try ServeCommand(words.dropFirst()).run()
            default:
                throw .invalid("usage: fake-service worker | queue STATE | serve NAME=VALUE…")
            }
        } catch {
            note("fake-service: \(error.message)")
            exit(error.code.exitStatus)
        }
    }

    /// `fake:closed` is an engine that cannot be opened.
    private static func engine(_ script: String) throws(VideoError) -> any ClipEngine {
        if script.contains("fake:closed") { throw VideoError(.deviceUnavailable, "the script says so") }
        return FakeEngine(script: script)
    }

    /// This very program, however it was started.
    static var path: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
        return String(decoding: buffer.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func note(_ line: String) { write(line, to: STDERR_FILENO) }

    /// In one piece, so that lines of several processes do not mix.
    static func write(_ line: String, to descriptor: Int32) {
        let bytes = Array((line + "\n").utf8)
        unsafe _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
