// The standard library normalises strings for comparison; Foundation takes it from there by the same interface.
@_spi(_Unicode) import Swift
import VideoTypes

/// The four normal forms of Unicode.
enum UnicodeNormalization: Sendable {
    case canonicalComposed
    case canonicalDecomposed
    case compatibilityComposed
    case compatibilityDecomposed

    func apply(to text: String) -> String {
        var result = String.UnicodeScalarView()
        switch self {
        case .canonicalComposed: result.append(contentsOf: text._nfc)
        case .canonicalDecomposed: result.append(contentsOf: text._nfd)
        case .compatibilityComposed: result.append(contentsOf: Self.compatibilityMapped(text)._nfc)
        case .compatibilityDecomposed: result.append(contentsOf: Self.compatibilityMapped(text)._nfd)
        }
        return String(result)
    }

    func apply(to text: [UInt8]) -> [UInt8] {
        guard text.contains(where: { $0 >= 0x80 }) else { return text }
        return Array(apply(to: String(decoding: text, as: UTF8.self)).utf8)
    }

    private static func compatibilityMapped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if let mapped = compatibilityMappings[scalar] {
                result.append(contentsOf: mapped)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    private static let compatibilityMappings: [Unicode.Scalar: [Unicode.Scalar]] = {
        var bytes = (Base64.decode(CompatibilityTable.base64) ?? [])[...]
        func number() -> UInt32? {
            var value: UInt32 = 0
            var shift: UInt32 = 0
            while let byte = bytes.popFirst() {
                value |= UInt32(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
        var mappings: [Unicode.Scalar: [Unicode.Scalar]] = [:]
        var key: UInt32 = 0
        while let distance = number(), let count = number() {
            key += distance
            let mapped = (0..<count).compactMap { _ in number().flatMap(Unicode.Scalar.init) }
            if let scalar = Unicode.Scalar(key) { mappings[scalar] = mapped }
        }
        return mappings
    }()
}
