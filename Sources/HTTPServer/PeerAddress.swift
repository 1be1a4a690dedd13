#if canImport(Glibc)
import Glibc
#endif

/// Where a connection comes from.
enum PeerAddress {
    /// The numeric address, empty where it is not known.
    ///
    /// Of IPv6 the network alone: a household has 2^64 addresses.
    static func text(_ descriptor: Int32) -> String {
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isKnown = unsafe withUnsafeMutableBytes(of: &storage) { bytes -> Bool in
            guard let base = bytes.baseAddress else { return false }
            return unsafe getpeername(descriptor, base.assumingMemoryBound(to: sockaddr.self), &count) == 0
        }
        guard isKnown else { return "" }
        // Behind family and port; in IPv6 also behind the flow.
        let bytes = unsafe withUnsafeBytes(of: &storage) { unsafe Array($0.prefix(24)) }
        if Int32(storage.ss_family) == AF_INET { return bytes[4..<8].map(String.init).joined(separator: ".") }
        guard Int32(storage.ss_family) == AF_INET6 else { return "" }
        let isMapped = bytes[8..<18].allSatisfy { $0 == 0 } && bytes[18..<20].allSatisfy { $0 == 0xFF }
        if isMapped { return bytes[20..<24].map(String.init).joined(separator: ".") }
        return bytes[8..<16].map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
    }
}
