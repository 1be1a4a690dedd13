/// A module's machine code as a file: a head that says what it is, the kernels' registers, the code.
///
///     8 bytes   "WICUBIN1"
///     4 bytes   length of the key
///     4 bytes   length of the kernels' lines
///     8 bytes   length of the code
///     16 bytes  digest of all that follows
///     key, lines, code
struct CacheEntry {
    private static let magic = Array("WICUBIN1".utf8)
    private static let headBytes = 40

    /// Whether a file that begins so was written by us, or would have been.
    static func begins(_ bytes: some Collection<UInt8>) -> Bool {
        let head = bytes.prefix(magic.count)
        return head.elementsEqual(magic.prefix(head.count))
    }

    /// The file of some machine code.
    static func bytes(_ cubin: Cubin, _ key: CubinKey) -> [UInt8] {
        let keyBytes = Array(key.text.utf8)
        let lines = Array(cubin.log.kernels.map(line).joined(separator: "\n").utf8)
        let body = keyBytes + lines + cubin.bytes
        let digest = Digest(body)
        let lengths =
            littleEndian(UInt32(keyBytes.count)) + littleEndian(UInt32(lines.count))
            + littleEndian(UInt64(cubin.bytes.count))
        return magic + lengths + littleEndian(digest.first) + littleEndian(digest.second) + body
    }

    /// The machine code in a file; nil where it is damaged or another key's.
    static func cubin(_ bytes: [UInt8], _ key: CubinKey) -> Cubin? {
        guard bytes.count >= headBytes, bytes.starts(with: magic) else { return nil }
        let keyCount = number(bytes[8..<12])
        let lineCount = number(bytes[12..<16])
        let codeCount = number(bytes[16..<24])
        let rest = UInt64(bytes.count - headBytes)
        guard keyCount <= rest, lineCount <= rest, codeCount <= rest, keyCount + lineCount + codeCount == rest else {
            return nil
        }
        let body = bytes[headBytes...]
        let digest = Digest(body)
        guard digest.first == number(bytes[24..<32]), digest.second == number(bytes[32..<40]) else { return nil }
        let lines = body.dropFirst(Int(keyCount)).prefix(Int(lineCount))
        guard body.prefix(Int(keyCount)).elementsEqual(key.text.utf8), codeCount > 0 else { return nil }
        let texts = String(decoding: lines, as: UTF8.self).split(separator: "\n")
        let kernels = texts.compactMap(kernel)
        guard kernels.count == texts.count else { return nil }
        return Cubin(bytes: Array(body.suffix(Int(codeCount))), log: CompileLog(kernels: kernels))
    }

    private static func line(_ kernel: CompileLog.Kernel) -> String {
        "\(kernel.registers) \(kernel.stackBytes) \(kernel.spilledBytes) \(kernel.name)"
    }

    private static func kernel(_ line: Substring) -> CompileLog.Kernel? {
        let parts = line.split(separator: " ", maxSplits: 3)
        guard parts.count == 4, let registers = Int(parts[0]), let stack = Int(parts[1]), let spilled = Int(parts[2])
        else { return nil }
        return CompileLog.Kernel(
            name: String(parts[3]), registers: registers, stackBytes: stack, spilledBytes: spilled)
    }

    private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        stride(from: 0, to: number.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
