import CCurl
import Glibc

/// The resolver of the system.
package enum NameResolver {
    /// All addresses of a host, each once; blocks.
    package static func addresses(_ host: String, _ port: UInt16) throws(HTTPClientError) -> [IPAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else {
            throw .unreachable("the host's name cannot be resolved")
        }
        defer { unsafe freeaddrinfo(list) }
        var found: [IPAddress] = []
        var entry = unsafe list
        while let current = unsafe entry {
            if let peer = unsafe current.pointee.ai_addr, let address = unsafe IPAddress(peer),
                !found.contains(address)
            {
                found.append(address)
            }
            unsafe entry = current.pointee.ai_next
        }
        return found
    }
}

extension IPAddress {
    /// The address in a socket address; nil for other families.
    init?(_ peer: UnsafePointer<sockaddr>) {
        switch unsafe Int32(peer.pointee.sa_family) {
        case AF_INET:
            bytes = unsafe UnsafeRawPointer(peer).withMemoryRebound(to: sockaddr_in.self, capacity: 1) { peer in
                unsafe withUnsafeBytes(of: peer.pointee.sin_addr) { unsafe Array($0) }
            }
        case AF_INET6:
            bytes = unsafe UnsafeRawPointer(peer).withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { peer in
                unsafe withUnsafeBytes(of: peer.pointee.sin6_addr) { unsafe Array($0) }
            }
        default: return nil
        }
    }
}
