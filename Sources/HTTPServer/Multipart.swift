/// A form as browsers and API clients send it (RFC 7578).
package struct Multipart: Sendable, Equatable {
    package let parts: [Part]

    package struct Part: Sendable, Equatable {
        package let name: String
        /// What the client calls the file; never to be used as a path.
        package let filename: String?
        package let mediaType: String?
        package let bytes: ArraySlice<UInt8>
    }

    package struct Limits: Sendable {
        package var maxParts = 64
        /// Of one part.
        package var maxHeaderBytes = 4096
        package var maxNameBytes = 256
        package var maxBytes = 64 << 20

        package init() {}
    }
}
