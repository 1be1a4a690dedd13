/// An HTTP/1.1 server with a thread for each connection, behind a strict gate.
package final class HTTPServer: Sendable {
    /// The port it listens on.
    package let port: UInt16

    /// Listens and answers from now on.
    package init(_ options: HTTPServerOptions, handler: any HTTPHandler) throws(HTTPServerError) {
        port = 0
    }

    /// Takes no new connections; those that exist go on, and end with their next answer.
    package func stopAccepting() {
    }

    /// Ends streams and waiting connections, lets answers under way finish for up to `seconds`, then cuts them.
    ///
    /// Never to be called from a handler: it waits for the connections' threads.
    package func stop(afterSeconds seconds: Int) {
    }
}
