import CCrypto
import Glibc

/// SHA-256 (FIPS 180-4), by libcrypto: of bytes that come bit by bit, or of all at once.
@safe package struct SHA256: ~Copyable {
    package static let digestBytes = 32

    private let library: LibCrypto
    private let context: OpaquePointer

    package init() throws(CryptoError) {
        let library = try LibCrypto()
        guard let context = unsafe library.call.EVP_MD_CTX_new() else { throw .failed(call: "EVP_MD_CTX_new") }
        guard unsafe library.call.EVP_DigestInit_ex(context, library.call.EVP_sha256(), nil) == 1 else {
            unsafe library.call.EVP_MD_CTX_free(context)
            throw .failed(call: "EVP_DigestInit_ex")
        }
        self.library = library
        unsafe self.context = unsafe context
    }

    deinit {
        unsafe library.call.EVP_MD_CTX_free(context)
    }

    package mutating func update(_ bytes: some Collection<UInt8>) throws(CryptoError) {
        let status = bytes.withContiguousStorageIfAvailable { unsafe add(UnsafeRawBufferPointer($0)) }
        let isDone = unsafe status ?? Array(bytes).withUnsafeBytes { unsafe add($0) }
        guard isDone == 1 else { throw .failed(call: "EVP_DigestUpdate") }
    }

    private func add(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        guard let base = bytes.baseAddress else { return 1 }
        return unsafe library.call.EVP_DigestUpdate(context, base, bytes.count)
    }

    /// The digest of all that was added.
    package consuming func finish() throws(CryptoError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.digestBytes)
        var count: UInt32 = 0
        let status = unsafe library.call.EVP_DigestFinal_ex(context, &digest, &count)
        guard status == 1, count == Self.digestBytes else { throw .failed(call: "EVP_DigestFinal_ex") }
        return digest
    }
}

extension SHA256 {
    package static func digest(_ bytes: some Collection<UInt8>) throws(CryptoError) -> [UInt8] {
        var hash = try SHA256()
        try hash.update(bytes)
        return try hash.finish()
    }

    /// The digest as 64 hexadecimal digits.
    package static func hex(_ bytes: some Collection<UInt8>) throws(CryptoError) -> String {
        hexText(try digest(bytes))
    }

    /// The digest of a whole file as hexadecimal digits; the descriptor's position neither matters nor moves.
    ///
    /// - Parameter goesOn: told of the bytes of every piece; where it says no, the file is not readable: `ECANCELED`.
    package static func hexOfFile(
        descriptor: Int32, goesOn: (_ bytes: Int) -> Bool = { _ in true }
    ) throws(CryptoError) -> String {
        var hash = try SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var offset = 0
        while true {
            let count = unsafe pread(descriptor, &buffer, buffer.count, offset)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .notReadable(errno: errno) }
            guard count > 0 else { break }
            try hash.update(buffer.prefix(count))
            offset += count
            guard goesOn(count) else { throw .notReadable(errno: ECANCELED) }
        }
        return hexText(try hash.finish())
    }

    /// Lower-case hexadecimal digits, two a byte.
    package static func hexText(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}
