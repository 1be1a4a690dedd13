/// Writes GGUF files, good ones and broken ones.
struct GGUFBuilder {
    /// One tensor; the dimensions innermost first, as the format has them.
    struct Tensor {
        var name: String
        var extents: [UInt64]
        var type: UInt32
        var offset: UInt64
    }

    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    var tensors: [Tensor] = []
    /// Key, type and bytes of each value.
    var metadata: [(key: String, type: UInt32, value: [UInt8])] = []
    var alignment = 32
    var data: [UInt8] = []
    /// In the place of the true numbers.
    var counts: (tensors: UInt64, keys: UInt64)?

    static func bytes<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
        stride(from: 0, to: T.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: number >> T($0)) }
    }

    static func text(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }

    mutating func add(_ key: String, _ value: UInt32) { metadata.append((key, 4, Self.bytes(value))) }
    mutating func add(_ key: String, _ value: String) { metadata.append((key, 8, Self.text(value))) }
    mutating func add(_ key: String, texts: [String]) {
        metadata.append(
            (key, 9, Self.bytes(UInt32(8)) + Self.bytes(UInt64(texts.count)) + texts.flatMap(Self.text)))
    }
    mutating func add(_ key: String, floats: [Float]) {
        metadata.append(
            (
                key, 9,
                Self.bytes(UInt32(6)) + Self.bytes(UInt64(floats.count)) + floats.flatMap { Self.bytes($0.bitPattern) }
            ))
    }
    mutating func add(_ key: String, integers: [Int32]) {
        metadata.append(
            (key, 9, Self.bytes(UInt32(5)) + Self.bytes(UInt64(integers.count)) + integers.flatMap(Self.bytes)))
    }

    /// A tensor behind those that are there, filled with rising bytes.
    mutating func add(_ name: String, _ extents: [UInt64], type: UInt32, bytes: Int) {
        tensors.append(Tensor(name: name, extents: extents, type: type, offset: UInt64(data.count)))
        data += (0..<bytes).map { UInt8(truncatingIfNeeded: $0) }
        data += [UInt8](repeating: 0, count: -data.count & (alignment - 1))
    }

    var header: [UInt8] {
        var out = magic + Self.bytes(version)
        out += Self.bytes(counts?.tensors ?? UInt64(tensors.count)) + Self.bytes(counts?.keys ?? UInt64(metadata.count))
        for (key, type, value) in metadata { out += Self.text(key) + Self.bytes(type) + value }
        for tensor in tensors {
            out += Self.text(tensor.name) + Self.bytes(UInt32(tensor.extents.count))
            out += tensor.extents.flatMap(Self.bytes) + Self.bytes(tensor.type) + Self.bytes(tensor.offset)
        }
        return out
    }

    var file: [UInt8] {
        var out = header
        out += [UInt8](repeating: 0, count: -out.count & (alignment - 1))
        return out + data
    }

    /// One tensor of each kind, and metadata of many.
    static var sample: GGUFBuilder {
        var builder = GGUFBuilder()
        builder.add("general.architecture", "wan")
        builder.add("general.file_type", 7)
        builder.metadata.append(("a.bool", 7, [1]))
        builder.metadata.append(("a.double", 12, bytes((0.5).bitPattern)))
        builder.metadata.append(("a.signed", 5, bytes(Int32(-4))))
        builder.add("tokenizer.ggml.tokens", texts: ["<pad>", "", "▁é"])
        builder.add("tokenizer.ggml.scores", floats: [0, -1.5, -2])
        builder.add("tokenizer.ggml.token_type", integers: [3, 5, 1])
        builder.add("f32", [3, 2], type: 0, bytes: 24)
        builder.add("f16", [5], type: 1, bytes: 10)
        builder.add("bf16", [2, 2, 1, 3, 1], type: 30, bytes: 24)
        builder.add("q8", [64, 2], type: 8, bytes: 136)
        builder.add("q4k", [256, 1], type: 12, bytes: 144)
        builder.add("i32", [2], type: 26, bytes: 8)
        return builder
    }
}
