/// Bytes that are on the host already.
package final class HostPendingBytes: PendingBytes {
    private let values: [UInt8]

    package init(_ values: [UInt8]) {
        self.values = values
    }

    package func bytes() -> [UInt8] { values }
}
