import Glibc

/// A numeric address.
package struct IPAddress: Sendable, Hashable {
    /// Four or sixteen, the first one first.
    package let bytes: [UInt8]

    /// What an address is for, after the registries of RFC 6890.
    package enum Kind: Sendable, Hashable, CaseIterable {
        /// Of the public internet.
        case global
        case loopback
        /// RFC 1918, and ULA of RFC 4193.
        case privateNetwork
        /// RFC 6598, shared behind a provider's translator.
        case carrierTranslated
        case linkLocal
        case multicast
        /// IPv4 in IPv6: mapped, compatible, NAT64, 6to4, Teredo. What is reached depends on who translates.
        case translated
        /// Where clouds tell a machine its secrets.
        case metadata
        /// Unspecified, documentation, benchmarks, future use, broadcast.
        case reserved
    }

    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// Reads the only spelling of an IPv4 address that every program reads alike, or an IPv6 address without a zone.
    package init?(_ text: String) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            var address = in6_addr()
            guard text.utf8.count < 46, !text.utf8.contains(0), unsafe inet_pton(AF_INET6, text, &address) == 1 else {
                return nil
            }
            bytes = unsafe withUnsafeBytes(of: address) { unsafe Array($0) }
        } else {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            let numbers = parts.compactMap { part in
                UInt8(part).flatMap { String($0) == part ? $0 : nil }
            }
            guard parts.count == 4, numbers.count == 4 else { return nil }
            bytes = numbers
        }
    }

    package var isIPv6: Bool { bytes.count == 16 }

    package var kind: Kind {
        if Self.metadata.contains(self) { return .metadata }
        let table = isIPv6 ? Self.ranges6 : Self.ranges4
        // Of IPv6 only 2000::/3 is given out.
        return table.first { contained(in: $0.prefix, bits: $0.bits) }?.kind ?? (isIPv6 ? .reserved : .global)
    }

    private func contained(in prefix: [UInt8], bits: Int) -> Bool {
        (0..<bits).allSatisfy { bit in
            let wanted = bit / 8 < prefix.count ? prefix[bit / 8] : 0
            return (bytes[bit / 8] ^ wanted) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        guard isIPv6 else { return bytes.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
        return groups.joined(separator: ":")
    }
}

// Tables.
extension IPAddress {
    private typealias Range = (prefix: [UInt8], bits: Int, kind: Kind)

    /// AWS, GCP and Azure's neighbours, Alibaba, Oracle, and Azure's own.
    private static let metadata = Set(
        [
            "169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "192.0.0.192", "168.63.129.16",
            "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
        ].compactMap { IPAddress($0) })

    private static let ranges4: [Range] = [
        ([0], 8, .reserved),
        ([10], 8, .privateNetwork),
        ([100, 64], 10, .carrierTranslated),
        ([127], 8, .loopback),
        ([169, 254], 16, .linkLocal),
        ([172, 16], 12, .privateNetwork),
        ([192, 0, 0], 24, .reserved),
        ([192, 0, 2], 24, .reserved),
        ([192, 88, 99], 24, .translated),
        ([192, 168], 16, .privateNetwork),
        ([198, 18], 15, .reserved),
        ([198, 51, 100], 24, .reserved),
        ([203, 0, 113], 24, .reserved),
        ([224], 4, .multicast),
        ([240], 4, .reserved),
    ]

    private static let ranges6: [Range] = [
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 128, .reserved),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128, .loopback),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], 96, .translated),
        ([], 96, .translated),
        ([0, 0x64, 0xFF, 0x9B], 32, .translated),
        ([0x20, 0x01, 0, 0], 32, .translated),
        ([0x20, 0x01, 0], 23, .reserved),
        ([0x20, 0x01, 0x0D, 0xB8], 32, .reserved),
        ([0x20, 0x02], 16, .translated),
        ([0x3F, 0xFF, 0], 20, .reserved),
        ([0x20], 3, .global),
        ([0xFC], 7, .privateNetwork),
        ([0xFE, 0x80], 10, .linkLocal),
        ([0xFF], 8, .multicast),
    ]
}
