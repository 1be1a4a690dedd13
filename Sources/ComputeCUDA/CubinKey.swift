/// All that a module's machine code depends on.
struct CubinKey: Sendable, Hashable {
    /// The name of its file in the cache.
    let fileName: String
    /// Every part, readable; an entry carries it whole.
    let text: String

    init(module: KernelModule, target: String, compiler: CUDAVersion, driver: CUDAVersion) {
        let bytes = Array(module.text.utf8)
        text = """
            module \(module.name)
            text \(bytes.count) \(Digest(bytes))
            options \(Compiler.options(target).joined(separator: " "))
            nvrtc \(compiler)
            driver \(driver)
            """
        fileName = "\(module.name)-\(target)-\(Digest(Array(text.utf8))).cubin"
    }
}

/// 128 bits that change when bytes change, by two multiplicative hashes, one of them FNV-1a.
///
/// Against accidents, not against attackers: the cache's folder is its owner's alone.
struct Digest: Hashable, CustomStringConvertible {
    private(set) var first: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var second: UInt64 = 0x9e37_79b9_7f4a_7c15

    init(_ bytes: [UInt8]) {
        add(bytes[...])
    }

    init(_ bytes: ArraySlice<UInt8>) {
        add(bytes)
    }

    private mutating func add(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            first = (first ^ UInt64(byte)) &* 0x100_0000_01b3
            second = (second &+ UInt64(byte)) &* 0xff51_afd7_ed55_8ccd
            second ^= second >> 29
        }
    }

    var description: String { Self.hexadecimal(first) + Self.hexadecimal(second) }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
