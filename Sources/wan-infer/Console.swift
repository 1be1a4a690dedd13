import Files
import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// One of the two streams that a program writes to.
struct Console {
    let descriptor: Int32

    static let output = Console(descriptor: STDOUT_FILENO)
    static let errors = Console(descriptor: STDERR_FILENO)

    /// Gives closed standard descriptors to /dev/null, lest the next file opened takes their numbers and our texts.
    static func reserveDescriptors() {
        while true {
            let descriptor = unsafe open("/dev/null", O_RDWR)
            if descriptor > STDERR_FILENO { close(descriptor) }
            if descriptor < 0 || descriptor > STDERR_FILENO { return }
        }
    }

    /// Whether a person watches: a terminal that can move its cursor.
    var isLive: Bool {
        guard isatty(descriptor) == 1 else { return false }
        return unsafe getenv("TERM").map { unsafe String(cString: $0) } != "dumb"
    }

    var columns: Int {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes all of it, or returns false.
    @discardableResult
    func write(_ text: String) -> Bool { FileBytes.write(Array(text.utf8), to: descriptor) }

    /// Writes a line that somebody waits for; not being able to is an error.
    func print(_ line: String) throws(VideoError) {
        guard write(line + "\n") else {
            throw VideoError(
                .outputFailed, "cannot write to standard output", hint: "give it a place that takes the text")
        }
    }
}
