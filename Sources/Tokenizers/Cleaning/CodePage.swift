/// A single-byte encoding in which UTF-8 may have been read by mistake.
struct CodePage: Sendable {
    /// Whether unassigned bytes pass as C1 controls, and byte 0x1A stands for U+FFFD.
    let isSloppy: Bool
    /// Whether a byte A0 that became a space is looked for; in Mac Roman an en dash before a space would look like it.
    let restoresSpaces: Bool
    /// What the bytes 0x80 to 0xFF mean.
    private let upperHalf: [Unicode.Scalar]
    private let bytes: [Unicode.Scalar: UInt8]

    private init(upperHalf: [Unicode.Scalar], isSloppy: Bool, restoresSpaces: Bool = true) {
        self.upperHalf = upperHalf
        self.isSloppy = isSloppy
        self.restoresSpaces = restoresSpaces
        var bytes: [Unicode.Scalar: UInt8] = [:]
        for (byte, scalar) in zip(UInt8(0x80)...0xFF, upperHalf) { bytes[scalar] = byte }
        if isSloppy { bytes["\u{FFFD}"] = 0x1A }
        self.bytes = bytes
    }

    static let latin1 = CodePage(upperHalf: (0x80...0xFF).map { Unicode.Scalar(UInt8($0)) }, isSloppy: false)

    /// In the order in which they are tried.
    static let all: [CodePage] =
        [latin1]
        + CodePageTable.upperHalves.enumerated().map { index, text in
            CodePage(upperHalf: Array(text.unicodeScalars), isSloppy: index < 6, restoresSpaces: index != 7)
        }

    static let windows1252 = all[1]

    /// The bytes of a text; nil if it has a scalar that the encoding lacks.
    func encoded(_ text: [Unicode.Scalar]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            if scalar.isASCII, !(isSloppy && scalar.value == 0x1A) {
                result.append(UInt8(truncatingIfNeeded: scalar.value))
            } else if let byte = bytes[scalar] {
                result.append(byte)
            } else {
                return nil
            }
        }
        return result
    }

    /// What a C1 control means when it is a byte of this encoding; other scalars stay.
    func fixingControl(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        0x80...0x9F ~= scalar.value ? upperHalf[Int(scalar.value) - 0x80] : scalar
    }
}
