import Files
import Glibc
import StrictJSON
import VideoTypes

/// Where finished clips go: looked at before anything is ordered, for what is made elsewhere has to be paid for.
struct ClipFolder: Sendable {
    let path: String

    /// Makes the folder where it is missing, and tries whether a file can be made there.
    func check() throws(ProviderError) {
        if unsafe mkdir(path, 0o755) != 0, errno != EEXIST { throw failure("make", errno) }
        let trial = "\(path)/.wan-infer.\(String(UInt64.random(in: 0...UInt64.max), radix: 16)).part"
        let descriptor = unsafe open(trial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write into", errno) }
        close(descriptor)
        unsafe unlink(trial)
    }

    private func failure(_ action: String, _ number: Int32) -> ProviderError {
        .local("cannot \(action) the folder of clips \(path.printable): \(SystemError.text(number))")
    }
}
