import Foundation
import TestTools
import Testing
import VideoTypes

@testable import Crypto

@Suite(.bounded) struct CryptoTests {
    /// FIPS 180-4 and its examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 has its known digests`(text: String, digest: String) throws {
        #expect(try SHA256.hex(text.utf8) == digest)
        #expect(try SHA256.hex(Array(text.utf8)) == digest)
    }

    @Test func `a million letters hash the same at once, bit by bit and from a file`() throws {
        let letters = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        let digest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        #expect(try SHA256.hex(letters) == digest)
        var hash = try SHA256()
        for start in stride(from: 0, to: letters.count, by: 999) {
            try hash.update(letters[start..<min(start + 999, letters.count)])
        }
        #expect(SHA256.hexText(try hash.finish()) == digest)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("wan-infer-\(UUID())")
        try Data(letters).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        let file = try FileHandle(forReadingFrom: path)
        try file.seek(toOffset: 17)
        #expect(try SHA256.hexOfFile(descriptor: file.fileDescriptor) == digest)
        #expect(try file.offset() == 17)
    }

    @Test func `a file that cannot be read is an error`() {
        #expect(throws: CryptoError.notReadable(errno: 9)) { try SHA256.hexOfFile(descriptor: -1) }
    }

    /// RFC 4231.
    @Test func `HMAC has its known codes`() throws {
        let cases: [(key: [UInt8], bytes: [UInt8], code: String)] = [
            (
                [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
            (
                [UInt8](repeating: 0xAA, count: 131),
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        ]
        for (key, bytes, code) in cases {
            #expect(SHA256.hexText(try HMACSHA256.digest(key: key, bytes: bytes)) == code)
        }
    }

    @Test func `secrets are equal only if every byte is`() {
        let secret = [UInt8](0..<32)
        #expect(ConstantTime.equal(secret, secret) && ConstantTime.equal([], []))
        #expect(!ConstantTime.equal(secret, Array(secret.dropLast())))
        for place in secret.indices {
            var other = secret
            other[place] ^= 1
            #expect(!ConstantTime.equal(secret, other))
        }
    }

    @Test func `a secret is its owner's, or root's and a group's`() {
        for mode: mode_t in [0o400, 0o600, 0o700] {
            #expect(SecretFile.isPrivate(mode: S_IFREG | mode, owner: 1000))
            #expect(SecretFile.isPrivate(mode: S_IFREG | mode, owner: 0))
        }
        for mode: mode_t in [0o440, 0o640] {
            #expect(SecretFile.isPrivate(mode: S_IFREG | mode, owner: 0))
            #expect(!SecretFile.isPrivate(mode: S_IFREG | mode, owner: 1000))
        }
        for mode: mode_t in [0o444, 0o644, 0o604, 0o660, 0o620, 0o602, 0o777] {
            #expect(!SecretFile.isPrivate(mode: S_IFREG | mode, owner: 0))
        }
    }

    @Test func `what fails keeps its kind and has words`() {
        let missing = VideoError(reporting: CryptoError.libraryMissing(name: "libcrypto.so.3", reason: "gone"))
        #expect(missing.code == .deviceUnavailable && missing.message == "libcrypto.so.3 cannot be opened: gone")
        #expect(missing.hint?.isEmpty == false)
        #expect(VideoError(reporting: CryptoError.failed(call: "f")).code == .internalError)
        let unreadable = VideoError(reporting: CryptoError.notReadable(errno: 5))
        #expect(unreadable.message == "a file to be hashed cannot be read: Input/output error")
    }
}
