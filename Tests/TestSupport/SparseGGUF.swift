import FoundationEssentials
import Glibc

extension SparseModel {
    /// Writes the tensors of a component as a file of GGUF, matrices of blocks in Q4_K, but zeros for numbers.
    ///
    /// - Parameter named: what the file calls a tensor.
    package func writeGGUF(_ name: String, architecture: String, to path: String, named: (String) -> String) throws {
        guard let component = components[name] else { throw GoldenError.absent(name: name) }
        var infos: [UInt8] = []
        var offset: UInt64 = 0
        for (name, shape) in component.shapes {
            let isMatrix = shape.count == 2 && name.contains("blocks.") && name.hasSuffix(".weight")
            // Of GGML: Q4_K in blocks of 256, F32, F16.
            let (type, numbers, bytes): (UInt32, Int, Int) =
                isMatrix ? (12, 256, 144) : shape.count == 2 ? (1, 1, 2) : (0, 1, 4)
            infos += Self.text(named(name)) + Self.bytes(UInt32(shape.count))
            for extent in shape.reversed() { infos += Self.bytes(UInt64(extent)) }
            infos += Self.bytes(type) + Self.bytes(offset)
            offset += UInt64((shape.reduce(1, *) / numbers * bytes + 31) / 32 * 32)
        }
        var head = Array("GGUF".utf8) + Self.bytes(UInt32(3)) + Self.bytes(UInt64(component.shapes.count))
        head += Self.bytes(UInt64(1)) + Self.text("general.architecture") + Self.bytes(UInt32(8))
        head += Self.text(architecture) + infos
        head += [UInt8](repeating: 0, count: (32 - head.count % 32) % 32)
        try Data(head).write(to: URL(filePath: path))
        guard unsafe truncate(path, head.count + Int(offset)) == 0 else { throw GoldenError.absent(name: path) }
    }

    private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static func text(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }
}
