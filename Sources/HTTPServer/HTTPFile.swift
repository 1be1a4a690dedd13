#if canImport(Glibc)
import Glibc
#endif

/// An open file to be sent; closed with its last use.
package final class HTTPFile: Sendable {
    package let descriptor: Int32
    package let byteCount: Int
    package let mediaType: String
    /// Without quotes.
    package let entityTag: String

    package init(descriptor: Int32, byteCount: Int, mediaType: String, entityTag: String) {
        self.descriptor = descriptor
        self.byteCount = byteCount
        self.mediaType = mediaType
        self.entityTag = entityTag
    }

    deinit {
        close(descriptor)
    }
}
