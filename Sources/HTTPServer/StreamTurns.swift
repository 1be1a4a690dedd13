import CMicroHTTPD
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A stream under way: asks for pieces until there is news, and hands them over as the client takes them.
final class StreamTurns {
    private let core: ServerCore
    private let socket: Int32
    private let next: @Sendable () -> [UInt8]?
    private var piece: ArraySlice<UInt8> = []

    init(_ core: ServerCore, socket: Int32, next: @escaping @Sendable () -> [UInt8]?) {
        self.core = core
        self.socket = socket
        self.next = next
    }

    /// The next bytes, at most `limit`; nil at the end, when the client is gone and when the server stops.
    func bytes(limit: Int) -> ArraySlice<UInt8>? {
        // Nothing to send is no reason to be cut.
        core.watch.set(socket, .answering, milliseconds: nil)
        while piece.isEmpty {
            guard !core.isStopping.load(ordering: .relaxed), cmh_is_gone(socket) == 0, let news = next() else {
                return nil
            }
            piece = news[...]
        }
        let bytes = piece.prefix(limit)
        piece = piece.dropFirst(bytes.count)
        core.watch.set(socket, .answering, milliseconds: 1000 * core.options.idleSeconds)
        return bytes
    }

    static let read: MHD_ContentReaderCallback = { context, _, buffer, limit in
        guard let context = unsafe context, let buffer = unsafe buffer else { return cmh_end_of_stream() }
        let stream = unsafe Unmanaged<StreamTurns>.fromOpaque(context).takeUnretainedValue()
        guard let bytes = stream.bytes(limit: limit) else { return cmh_end_of_stream() }
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe UnsafeMutableRawBufferPointer(start: buffer, count: limit).copyMemory(from: bytes)
        }
        return bytes.count
    }

    static let release: MHD_ContentReaderFreeCallback = { context in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<StreamTurns>.fromOpaque(context).release()
    }
}
