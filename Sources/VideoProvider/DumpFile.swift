import Media
import Pipelines
import Weights

/// Writes a dump as safetensors.
///
/// The file takes its name only when it is complete.
struct DumpFile {
    private let target: OutputTarget

    /// Checks the folder before any work is done.
    init(_ path: String) throws(MediaError) {
        target = try OutputTarget(path, isClip: false)
    }

    func write(_ dump: TensorDump) throws(MediaError) {
        var writer = SafetensorsWriter()
        for (name, shape, values) in dump.tensors {
            switch values {
            case .floats(let floats): writer.add(name, shape, floats)
            case .integers(let integers): writer.add(name, shape, integers)
            }
        }
        let parts = writer.file
        let file = try PendingFile(target)
        try file.append(parts.header)
        try file.append(parts.data)
        try file.publish()
    }
}
