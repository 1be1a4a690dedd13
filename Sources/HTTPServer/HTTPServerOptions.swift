/// Where a server listens and what it puts up with.
package struct HTTPServerOptions: Sendable {
    /// A numeric address, IPv6 without brackets.
    package var host: String
    /// 0 takes a free one.
    package var port: UInt16
    /// Names that `Host` may have besides the address itself; ports are not compared.
    package var hostNames: Set<String>
    /// What `Origin` may be besides the server's own: "https://app.example.org", in lower case.
    package var origins: Set<String> = []
    /// A thread and up to two descriptors each; fewer where the system allows no more descriptors.
    ///
    /// One more ends the one that has waited longest, of the address that has most.
    package var maxConnections = 2048
    /// Requests whose bodies are being received at the same time.
    package var maxUploads = 16
    package var maxBodyBytes = 64 << 20
    /// Of all requests together that have a body.
    package var maxBodyBytesInMemory = 256 << 20
    package var maxURIBytes = 2048
    package var maxHeaders = 100
    package var maxHeaderBytes = 32 << 10
    /// How long nothing may come or go; a request's head must be complete within twice this.
    package var idleSeconds = 30
    package var uploadSeconds = 60

    package init(
        host: String = "127.0.0.1", port: UInt16 = 0, hostNames: Set<String> = ["localhost", "127.0.0.1", "[::1]"]
    ) {
        self.host = host
        self.port = port
        self.hostNames = hostNames
    }

    /// Whether a server may be told to listen there: numeric, of one kind or the other.
    package static func isAddress(_ text: String) -> Bool { ListeningSocket.Address(text) != nil }
}
