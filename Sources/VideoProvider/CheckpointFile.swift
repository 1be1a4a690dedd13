import Compute
import Files
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

    var everySteps: Int { place.everySteps }

    private var path: String { place.path }

    /// One name, so that what a killed process left is written over.
    private var temporaryPath: String { path + ".new" }

    func read() -> HostBytes? { try? MappedFile.open(path) }

    func write(_ bytes: CheckpointBytes) {
        do throws(FileFailure) {
            let file = try NewFile(path, temporary: .ours(temporaryPath))
            try file.append(bytes.header)
            try file.append(bytes.data[..<(bytes.data.count / 2)])
            halfway()
            try file.append(bytes.data[(bytes.data.count / 2)...])
            try file.publish()
        } catch {
            // A clip can always be made from its beginning.
            return
        }
    }

    func remove() {
        unsafe unlink(temporaryPath)
        unsafe unlink(path)
    }
}
