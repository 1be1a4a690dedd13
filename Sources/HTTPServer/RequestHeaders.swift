import CMicroHTTPD

/// The header fields of a connection's request, byte for byte.
enum RequestHeaders {
    private final class Fields {
        var list: [(name: [UInt8], value: [UInt8])] = []
    }

    static func fields(_ library: MicroHTTPD, _ connection: OpaquePointer) -> [(name: [UInt8], value: [UInt8])] {
        let fields = unsafe Unmanaged.passRetained(Fields())
        defer { unsafe fields.release() }
        unsafe cmh_each_header(library.pointer, connection, visit, fields.toOpaque())
        return unsafe fields.takeUnretainedValue().list
    }

    private static let visit: MHD_KeyValueIteratorN = { context, _, name, nameCount, value, valueCount in
        guard let context = unsafe context else { return .NO }
        let fields = unsafe Unmanaged<Fields>.fromOpaque(context).takeUnretainedValue()
        let name = unsafe bytes(name, nameCount)
        fields.list.append((name, unsafe bytes(value, valueCount)))
        return .YES
    }

    /// Of the request's first line and its header.
    static func byteCount(_ library: MicroHTTPD, _ connection: OpaquePointer) -> Int {
        unsafe cmh_header_bytes(library.pointer, connection)
    }

    private static func bytes(_ pointer: UnsafePointer<CChar>?, _ count: Int) -> [UInt8] {
        guard let pointer = unsafe pointer else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: pointer, count: count))
    }
}
