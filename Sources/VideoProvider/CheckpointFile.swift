import Compute
import Glibc
import Pipelines
import Weights

/// The file that keeps a denoise loop's state: whole or not there at all.
///
/// Whatever cannot be read counts as not there, and what cannot be written is left: a clip can always be made from its
/// beginning.
struct CheckpointFile {
    private let place: CheckpointPlace
    /// Called when the file is half written.
    private let halfway: @Sendable () -> Void

    init(_ place: CheckpointPlace, halfway: (@Sendable () -> Void)?) {
        self.place = place
        self.halfway = halfway ?? {}
    }

    /// How the denoise loop of the clip of this identity gets at it.
    func checkpoint(_ identity: String) -> DenoiseCheckpoint {
        DenoiseCheckpoint(everySteps: place.everySteps, identity: identity, read: read, write: write)
    }

    private var path: String { place.path }

    /// One name, so that what a killed process left is written over.
    private var temporaryPath: String { path + ".new" }

    private func read() -> HostBytes? { try? MappedFile.open(path) }

    private func write(_ header: [UInt8], _ data: [UInt8]) {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        let descriptor = unsafe open(temporaryPath, flags, 0o600)
        guard descriptor >= 0 else { return }
        let half = data.count / 2
        var isWritten = Self.write(header[...], to: descriptor) && Self.write(data[..<half], to: descriptor)
        halfway()
        isWritten = isWritten && Self.write(data[half...], to: descriptor) && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, unsafe rename(temporaryPath, path) == 0 else {
            unsafe unlink(temporaryPath)
            return
        }
        flushFolder()
    }

    func remove() {
        unsafe unlink(temporaryPath)
        unsafe unlink(path)
    }

    private func flushFolder() {
        let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
        let descriptor = unsafe open(folder.isEmpty ? "/" : String(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }
}
