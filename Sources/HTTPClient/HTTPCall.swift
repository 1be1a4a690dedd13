/// What is asked of a server.
package struct HTTPCall: Sendable {
    package var method: Method
    package var address: WebAddress
    /// Where to connect, whatever the name resolves to by then; nil asks the resolver.
    package var destination: CheckedAddress?
    package var headers: [(name: String, value: String)] = []
    package var body: Body = .none
    package var connectSeconds = 10.0
    /// For the whole call; nil for none, as for a download that only `idleSeconds` bounds.
    package var totalSeconds: Double? = 30
    /// The longest time without a byte.
    package var idleSeconds = 30.0
    /// What is kept of an answer's body in memory, or written to the file.
    package var maxBytes = 1 << 20
    package var maxRedirects = 0

    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// multipart/form-data
        case form([FormPart])
    }

    package struct FormPart: Sendable, Hashable {
        package var name: String
        package var bytes: [UInt8]
        package var fileName: String?
        package var mediaType: String?

        package init(_ name: String, _ bytes: [UInt8], fileName: String? = nil, mediaType: String? = nil) {
            self.name = name
            self.bytes = bytes
            self.fileName = fileName
            self.mediaType = mediaType
        }
    }

    package init(_ method: Method, _ address: WebAddress) {
        self.method = method
        self.address = address
    }

    /// Goes to the checked address and nowhere else: ten seconds, 64 KiB, no redirects.
    package init(_ method: Method, _ destination: CheckedAddress) {
        self.init(method, destination.address)
        self.destination = destination
        totalSeconds = 10
        idleSeconds = 10
        maxBytes = 64 << 10
    }
}
