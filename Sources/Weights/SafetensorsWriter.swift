/// Builds a safetensors file in memory.
package struct SafetensorsWriter {
    private var fields: [String] = []
    private var data: [UInt8] = []

    package init() {}

    /// Names must not need escaping in JSON.
    package mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
        add(name, "F32", shape, unsafe values.withUnsafeBytes { unsafe Array($0) })
    }

    package mutating func add(_ name: String, _ shape: [Int], _ values: [Int64]) {
        add(name, "I64", shape, unsafe values.withUnsafeBytes { unsafe Array($0) })
    }

    package mutating func add(_ name: String, _ bytes: [UInt8]) {
        add(name, "U8", [bytes.count], bytes)
    }

    private mutating func add(_ name: String, _ dtype: String, _ shape: [Int], _ bytes: [UInt8]) {
        let start = data.count
        data += bytes
        fields.append(#""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(start),\#(data.count)]}"#)
    }

    /// The file's two parts: length and header, padded to a multiple of 8 bytes, and the data.
    package var file: (header: [UInt8], data: [UInt8]) {
        var header = "{" + fields.joined(separator: ",") + "}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let length = UInt64(header.utf8.count)
        return ((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8), data)
    }
}
