import FoundationEssentials
import Glibc
import Pipelines
import VideoTypes

/// Writes a dump as safetensors. The file takes its name only when it is complete.
struct DumpFile {
    private let url: URL

    /// Checks the folder before any work is done.
    init(_ path: String) throws(VideoError) {
        url = URL(filePath: path)
        let folder = url.deletingLastPathComponent().path
        guard unsafe access(folder.isEmpty ? "." : folder, W_OK) == 0 else {
            throw VideoError(.outputFailed, "cannot write the dump: no writable folder \(folder)", hint: "create it first")
        }
    }

    func write(_ dump: TensorDump) throws(VideoError) {
        var fields: [String] = []
        var data = Data()
        for (name, shape, values) in dump.tensors {
            let start = data.count
            let dtype: String
            switch values {
            case .floats(let floats):
                dtype = "F32"
                unsafe floats.withUnsafeBytes { unsafe data.append(contentsOf: $0) }
            case .integers(let integers):
                dtype = "I64"
                unsafe integers.withUnsafeBytes { unsafe data.append(contentsOf: $0) }
            }
            fields.append(
                #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(start),\#(data.count)]}"#)
        }
        var header = "{" + fields.joined(separator: ",") + "}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        var file = Data()
        unsafe withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { unsafe file.append(contentsOf: $0) }
        file.append(contentsOf: Array(header.utf8))
        file.append(data)
        do {
            try file.write(to: url, options: .atomic)
        } catch {
            throw VideoError(.outputFailed, "cannot write the dump \(url.path): \(error)", hint: "check the free space")
        }
    }
}
