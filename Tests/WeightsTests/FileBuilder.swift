import Compute
import Testing
import Weights

/// Writes safetensors files, good ones and broken ones.
enum FileBuilder {
    /// A file with this header text and these data.
    static func file(header: String, data: [UInt8]) -> [UInt8] {
        let length = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
    }

    /// A file of f32 tensors, filled with their index.
    static func file(_ tensors: [(name: String, shape: [Int])]) -> [UInt8] {
        var offset = 0
        var fields: [String] = []
        var data: [UInt8] = []
        for (index, tensor) in tensors.enumerated() {
            let count = tensor.shape.reduce(1, *)
            fields.append(entry(tensor.name, "F32", tensor.shape, offset, offset + 4 * count))
            offset += 4 * count
            let bits = Float(index).bitPattern
            for _ in 0..<count { data += (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) } }
        }
        return file(header: "{\(fields.joined(separator: ","))}", data: data)
    }

    static func entry(_ name: String, _ dtype: String, _ shape: [Int], _ begin: Int, _ end: Int) -> String {
        #""\#(name)":{"dtype":"\#(dtype)","shape":[\#(shape.map(String.init).joined(separator: ","))],"#
            + #""data_offsets":[\#(begin),\#(end)]}"#
    }

    static func floats(_ tensor: StoredTensor) -> [Float] {
        tensor.bytes.withBytes { bytes in
            (0..<bytes.byteCount / 4).map { unsafe bytes.unsafeLoadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }
}

/// The error that `body` throws, or nil.
func failure(_ body: () throws(WeightError) -> Void) -> WeightError? {
    do throws(WeightError) {
        try body()
        return nil
    } catch {
        return error
    }
}
