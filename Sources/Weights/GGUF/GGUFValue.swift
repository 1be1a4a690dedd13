package import Compute

/// A value of a GGUF file's metadata.
package enum GGUFValue: Sendable {
    case unsigned(UInt64)
    case signed(Int64)
    case float(Double)
    case bool(Bool)
    case text(String)
    case array(GGUFArray)

    static let textLimit = 1 << 26
    static let arrayLimit = 1 << 26

    /// Bytes of a number of each type; nil for texts, arrays and what is unknown.
    fileprivate static func width(_ type: UInt32) -> Int? {
        switch type {
        case 0, 1, 7: 1
        case 2, 3: 2
        case 4, 5, 6: 4
        case 10, 11, 12: 8
        default: nil
        }
    }

    init(_ cursor: inout GGUFCursor, key: String, type: UInt32, in bytes: HostBytes) throws(GGUFProblem) {
        let what = "the value of '\(key)'"
        switch type {
        case 0: self = .unsigned(UInt64(try cursor.number(what) as UInt8))
        case 1: self = .signed(Int64(try cursor.number(what) as Int8))
        case 2: self = .unsigned(UInt64(try cursor.number(what) as UInt16))
        case 3: self = .signed(Int64(try cursor.number(what) as Int16))
        case 4: self = .unsigned(UInt64(try cursor.number(what) as UInt32))
        case 5: self = .signed(Int64(try cursor.number(what) as Int32))
        case 6: self = .float(Double(Float(bitPattern: try cursor.number(what))))
        case 7: self = .bool(try cursor.number(what) as UInt8 != 0)
        case 8: self = .text(try cursor.text(what, limit: Self.textLimit))
        case 9: self = .array(try GGUFArray(&cursor, key: key, in: bytes))
        case 10: self = .unsigned(try cursor.number(what))
        case 11: self = .signed(try cursor.number(what))
        case 12: self = .float(Double(bitPattern: try cursor.number(what)))
        default: throw .valueType(key: key, type: type)
        }
    }

    /// A whole number that fits.
    package var integer: Int? {
        switch self {
        case .unsigned(let number): Int(exactly: number)
        case .signed(let number): Int(exactly: number)
        case .float, .bool, .text, .array: nil
        }
    }
}

/// An array of a GGUF file's metadata, where it lies in the file; its elements are of one type and all there.
package struct GGUFArray: Sendable {
    package let count: Int
    private let type: UInt32
    private let data: HostBytes

    init(_ cursor: inout GGUFCursor, key: String, in bytes: HostBytes) throws(GGUFProblem) {
        let what = "the array '\(key)'"
        type = try cursor.number(what)
        if let width = GGUFValue.width(type) {
            count = try cursor.count(what, of: width, limit: GGUFValue.arrayLimit)
            data = bytes[try cursor.take(count * width, what)]
        } else if type == 8 {
            count = try cursor.count(what, of: 8, limit: GGUFValue.arrayLimit)
            let first = cursor.offset
            for _ in 0..<count { _ = try cursor.textBytes(what, limit: GGUFValue.textLimit) }
            data = bytes[first..<cursor.offset]
        } else {
            throw .valueType(key: key, type: type)
        }
    }

    /// The bytes of an array of bytes.
    package var bytes: [UInt8]? { type <= 1 ? data.copied : nil }

    /// The elements of an array of f32.
    package var floats: [Float]? { type == 6 ? data.floats : nil }

    /// The elements of an array of 32-bit whole numbers.
    package var integers: [Int32]? { type == 4 || type == 5 ? data.elements() : nil }

    /// Calls `body` with the bytes of each text of an array of texts; false where it is none.
    package func forEachText<E: Error>(_ body: (HostBytes) throws(E) -> Void) throws(E) -> Bool {
        guard type == 8 else { return false }
        var offset = 0
        for _ in 0..<count {
            // Safe: every text of the array was walked over when the file was opened.
            let length = unsafe Int(data.address.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            try body(data[offset + 8..<offset + 8 + length])
            offset += 8 + length
        }
        return true
    }
}
