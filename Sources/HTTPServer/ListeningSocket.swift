#if canImport(Glibc)
import Glibc
#endif

/// A bound and listening socket; whoever takes its descriptor closes it.
struct ListeningSocket {
    let descriptor: Int32
    let port: UInt16
    let address: Address

    enum Address: Equatable {
        case v4(UInt32)
        case v6([UInt8])

        /// A numeric address; nil for everything else.
        init?(_ text: String) {
            var v4 = in_addr()
            var v6 = in6_addr()
            if unsafe inet_pton(AF_INET, text, &v4) == 1 {
                self = .v4(UInt32(bigEndian: v4.s_addr))
            } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
                self = .v6(unsafe withUnsafeBytes(of: &v6) { unsafe Array($0) })
            } else {
                return nil
            }
        }

        /// Whether it stands for all addresses of the machine.
        var isWildcard: Bool {
            switch self {
            case .v4(let value): value == 0
            case .v6(let bytes): bytes.allSatisfy { $0 == 0 }
            }
        }
    }

    init(host: String, port: UInt16) throws(HTTPServerError) {
        guard let address = Address(host) else { throw .notAnAddress(host) }
        self.address = address
        let family = if case .v4 = address { AF_INET } else { AF_INET6 }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw .system(call: "socket", errno: errno) }
        self.descriptor = descriptor
        do throws(HTTPServerError) {
            try Self.bind(descriptor, address, host: host, port: port)
            guard listen(descriptor, 1024) == 0 else { throw .system(call: "listen", errno: errno) }
            self.port = try Self.boundPort(descriptor)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func bind(
        _ descriptor: Int32, _ address: Address, host: String, port: UInt16
    ) throws(HTTPServerError) {
        var yes: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let status: Int32
        switch address {
        case .v4(let value):
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = value.bigEndian
            status = unsafe withUnsafeBytes(of: &name) { unsafe Self.bind(descriptor, $0) }
        case .v6(let bytes):
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &name.sin6_addr) { unsafe $0.copyBytes(from: bytes) }
            status = unsafe withUnsafeBytes(of: &name) { unsafe Self.bind(descriptor, $0) }
        }
        guard status != 0 else { return }
        switch status {
        case EADDRINUSE: throw .addressInUse(host: host, port: port)
        case EADDRNOTAVAIL: throw .addressNotHere(host)
        case EACCES: throw .portNotAllowed(port)
        default: throw .system(call: "bind", errno: status)
        }
    }

    /// 0 or the error's number.
    private static func bind(_ descriptor: Int32, _ name: UnsafeRawBufferPointer) -> Int32 {
        guard let base = name.baseAddress else { return EINVAL }
        let address = unsafe base.assumingMemoryBound(to: sockaddr.self)
        return unsafe Glibc.bind(descriptor, address, socklen_t(name.count)) == 0 ? 0 : errno
    }

    private static func boundPort(_ descriptor: Int32) throws(HTTPServerError) -> UInt16 {
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = unsafe withUnsafeMutableBytes(of: &storage) { bytes -> Int32 in
            guard let base = bytes.baseAddress else { return -1 }
            return unsafe getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &count)
        }
        guard status == 0 else { throw .system(call: "getsockname", errno: errno) }
        // Both families keep the port in the two bytes after the family.
        let bytes = unsafe withUnsafeBytes(of: &storage) { unsafe Array($0.prefix(4)) }
        return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }
}
