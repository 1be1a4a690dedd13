import CCrypto

/// HMAC with SHA-256 (RFC 2104), by libcrypto.
package enum HMACSHA256 {
    /// The authentication code of `bytes` under `key`.
    package static func digest(key: [UInt8], bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        let library = try LibCrypto()
        guard let keyCount = Int32(exactly: key.count) else { throw .failed(call: "HMAC") }
        // An empty array may have no address, and HMAC takes no address for "the key of the last call".
        let keyBytes = key.isEmpty ? [0] : key
        var digest = [UInt8](repeating: 0, count: SHA256.digestBytes)
        var count: UInt32 = 0
        let result = unsafe library.call.HMAC(
            library.call.EVP_sha256(), keyBytes, keyCount, bytes.isEmpty ? [0] : bytes, bytes.count, &digest, &count)
        guard unsafe result != nil, count == SHA256.digestBytes else { throw .failed(call: "HMAC") }
        return digest
    }
}
