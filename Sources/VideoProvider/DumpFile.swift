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
        url = URL(filePath: path)
        let folder = url.deletingLastPathComponent().path
        guard unsafe access(folder.isEmpty ? "." : folder, W_OK) == 0 else {
            throw VideoError(
                .outputFailed, "cannot write the dump: no writable folder \(folder)", hint: "create it first")
        }
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
