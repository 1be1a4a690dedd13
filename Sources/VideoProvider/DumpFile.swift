import FoundationEssentials
import Glibc
import Pipelines
import VideoTypes
import Weights

/// Writes a dump as safetensors.
///
/// The file takes its name only when it is complete.
struct DumpFile {
    private let url: URL

    /// Checks the folder before any work is done.
    init(_ path: String) throws(VideoError) {
        url = URL(filePath: try Self.target(path))
        let folder = url.deletingLastPathComponent().path
        guard unsafe access(folder.isEmpty ? "." : folder, W_OK) == 0 else {
            throw VideoError(
                .outputFailed, "cannot write the dump: no writable folder \(folder)", hint: "create it first")
        }
    }

    /// The file that will be replaced, with a link at its end followed: the link stays.
    private static func target(_ path: String) throws(VideoError) -> String {
        var facts = stat()
        guard unsafe lstat(path, &facts) == 0 else { return path }
        // What is no plain file would be replaced by one: a device, a pipe, a socket.
        guard unsafe stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw VideoError(
                .outputFailed, "cannot write the dump: \(path) is there and is not a plain file",
                hint: "choose another name")
        }
        guard let resolved = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    func write(_ dump: TensorDump) throws(VideoError) {
        var writer = SafetensorsWriter()
        for (name, shape, values) in dump.tensors {
            switch values {
            case .floats(let floats): writer.add(name, shape, floats)
            case .integers(let integers): writer.add(name, shape, integers)
            }
        }
        let parts = writer.file
        var file = Data(parts.header)
        file.append(contentsOf: parts.data)
        do {
            try file.write(to: url, options: .atomic)
        } catch {
            throw VideoError(.outputFailed, "cannot write the dump \(url.path): \(error)", hint: "check the free space")
        }
    }
}
