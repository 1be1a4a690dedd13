import Foundation
import Glibc

/// A port of this machine that nobody listens at, and that nobody else gets meanwhile.
package final class SilentPort: Sendable {
    package let number: UInt16
    private let socket: Int32

    package init() throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { [socket] pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { own in
                // Bound and not listening: whoever connects is refused.
                unsafe bind(socket, own, length) == 0 && getsockname(socket, own, &length) == 0
            }
        }
        number = UInt16(bigEndian: address.sin_port)
        // The socket is closed by deinit, which runs for this failure too.
        guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    }

    deinit { close(socket) }
}
