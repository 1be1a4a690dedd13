import CMicroHTTPD

#if canImport(Glibc)
import Glibc
#endif

/// What the library calls on its own threads.
enum Callbacks {
    /// The callbacks and limits of a server on `socket`, whose context is `core`.
    static func options(_ core: ServerCore, _ socket: ListeningSocket) -> CMHOptions {
        let connections = core.options.maxConnections
        let room = OpenFiles.makeRoom(forConnections: connections + spare)
        // Those over the limit come in for the moment that it takes to end another one.
        core.watch.limit(to: max(min(connections, room - spare), 1))
        return unsafe CMHOptions(
            listen_socket: socket.descriptor, connection_limit: UInt32(clamping: room),
            // Fields are kept twice, and there has to be room for the answer's header.
            connection_memory_bytes: core.options.maxHeaderBytes * 3 / 2 + (4 << 10), stack_bytes: 1 << 20,
            context: Unmanaged.passUnretained(core).toOpaque(), target: target, access: access, completed: completed,
            own_answer: ownAnswer, connection: connection)
    }

    private static let ownAnswer: @convention(c) (UnsafeMutableRawPointer, Int32, UInt32) -> Void = {
        context, socket, status in
        let core = unsafe Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
        LibraryRefusal.answer(core, socket: socket, status: Int(status))
    }

    private static let spare = 64

    private static let target:
        @convention(c) (UnsafeMutableRawPointer, UnsafePointer<CChar>?, OpaquePointer) -> UnsafeMutableRawPointer = {
            context, text, connection in
            let core = unsafe Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
            let bytes = unsafe text.map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
            let exchange = unsafe Exchange(core, connection, target: bytes, end: text.map { unsafe $0 + bytes.count })
            return unsafe Unmanaged.passRetained(exchange).toOpaque()
        }

    private static let access:
        @convention(c) (
            UnsafeMutableRawPointer, OpaquePointer, UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>,
            UnsafePointer<CChar>?, UnsafeMutablePointer<Int>, UnsafeMutablePointer<UnsafeMutableRawPointer?>
        ) -> MHD_Result = { _, _, _, method, version, upload, uploadBytes, slot in
            guard let pointer = unsafe slot.pointee else { return .NO }
            let exchange = unsafe Unmanaged<Exchange>.fromOpaque(pointer).takeUnretainedValue()
            let piece = unsafe UnsafeRawBufferPointer(start: upload, count: upload == nil ? 0 : uploadBytes.pointee)
            let goesOn = unsafe exchange.proceed(piece, method: method, version: version)
            unsafe uploadBytes.pointee = 0
            return goesOn ? .YES : .NO
        }

    private static let completed:
        @convention(c) (
            UnsafeMutableRawPointer, OpaquePointer, UnsafeMutablePointer<UnsafeMutableRawPointer?>,
            MHD_RequestTerminationCode
        ) -> Void = { _, _, slot, _ in
            guard let pointer = unsafe slot.pointee else { return }
            unsafe slot.pointee = nil
            unsafe Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue().finish()
        }

    private static let connection:
        @convention(c) (
            UnsafeMutableRawPointer, OpaquePointer, UnsafeMutablePointer<UnsafeMutableRawPointer?>,
            MHD_ConnectionNotificationCode
        ) -> Void = { context, connection, _, what in
            let core = unsafe Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
            let socket = unsafe cmh_socket(core.library.pointer, connection)
            if cmh_begins(what) != 0 {
                cmh_sign_threads(socket)
                core.watch.began(socket)
            } else {
                core.watch.ended(socket)
            }
        }
}

extension ConnectionWatch {
    /// Stands in a file that names the library anyway: optimised builds lose sockets' constants where the watch does.
    static func bytesOfSystem(_ descriptor: Int32) -> Int? {
        let bytes = cmh_moved_bytes(descriptor)
        return bytes < 0 ? nil : Int(bytes)
    }
}
