import Compute
import Weights

/// Tensors of a reference run, read from a safetensors file.
package struct GoldenFile {
    private let bytes: HostBytes
    private let file: Safetensors

    package init(_ path: String) throws {
        bytes = try MappedFile.open(path)
        file = try Safetensors(bytes, file: path)
    }

    package var names: [String] { file.entries.keys.sorted() }

    package func contains(_ name: String) -> Bool { file.entries[name] != nil }

    package func shape(_ name: String) throws -> [Int] { try entry(name).shape }

    /// The values of an F32 or F16 tensor, or of an I64 tensor as floats.
    package func floats(_ name: String) throws -> [Float] {
        let entry = try entry(name)
        guard entry.dtypeName != "I64" else { return try integers(name).map(Float.init) }
        guard entry.dtypeName != "F16" else {
            return bytes[entry.range].withBytes { span in
                (0..<span.byteCount / 2).map {
                    Float(Float16(bitPattern: unsafe span.unsafeLoadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)))
                }
            }
        }
        precondition(entry.dtypeName == "F32", "\(name) is \(entry.dtypeName)")
        return bytes[entry.range].withBytes { span in
            (0..<span.byteCount / 4).map { unsafe span.unsafeLoadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    /// The values of an I64 tensor.
    package func integers(_ name: String) throws -> [Int64] {
        let entry = try entry(name)
        precondition(entry.dtypeName == "I64", "\(name) is \(entry.dtypeName)")
        return bytes[entry.range].withBytes { span in
            (0..<span.byteCount / 8).map { unsafe span.unsafeLoadUnaligned(fromByteOffset: $0 * 8, as: Int64.self) }
        }
    }

    private func entry(_ name: String) throws -> Safetensors.Entry {
        guard let entry = file.entries[name] else { throw GoldenError.absent(name: name) }
        return entry
    }
}

package enum GoldenError: Error {
    case absent(name: String)
    case frames(found: Int, expected: Int)
}
