import Foundation
import Glibc
import Synchronization
package import TestSupport

/// A TLS server of Python with a certificate of its own, which is that of `localhost` and nobody else's.
package final class TLSServer: Sendable {
    package let port: Int
    /// To be trusted by whoever shall reach it.
    package let certificate: String
    private let process: Mutex<Process>
    private let seen: String

    package struct Failure: Error {
        package let message: String
    }

    private static let program = """
        import http.server, ssl
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                with open("seen", "a") as file: file.write(f"{self.command} {self.path}\\n{self.headers}\\n")
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
            do_POST = do_DELETE = do_GET
            def log_message(self, *_): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("cert.pem", "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    /// Its files lie in the folder.
    package init(in folder: TemporaryFolder) throws {
        guard let openssl = Subprocess.find("openssl"), let python = Subprocess.find("python3") else {
            throw Failure(message: "openssl and python3 are needed")
        }
        let made = try Subprocess(
            openssl,
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out",
                "cert.pem",
            ], folder: folder.path)
        guard made.status == 0 else { throw Failure(message: made.errors) }
        certificate = folder.file("cert.pem")
        seen = folder.file("seen")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", Self.program]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardOutput = output
        try process.run()
        var line = Data()
        while !line.contains(UInt8(ascii: "\n")) {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Failure(message: "the server did not start") }
            line += more
        }
        let text = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let port = Int(text) else { throw Failure(message: "the server said \(text)") }
        self.port = port
        self.process = Mutex(process)
    }

    deinit {
        process.withLock { process in
            // A thread of the pool blocks signals, and what it starts inherits that.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// Every request that came, with its headers; empty where none did.
    package var requests: String { (try? String(contentsOfFile: seen, encoding: .utf8)) ?? "" }
}
