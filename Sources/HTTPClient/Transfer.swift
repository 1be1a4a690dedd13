import CCurl
import Glibc

/// What comes in during one call; libcurl calls it on the thread of the call.
final class Transfer {
    private(set) var status = 0
    private(set) var headers: [(name: String, value: String)] = []
    private(set) var body: [UInt8] = []
    private(set) var savedBytes = 0
    /// Why the call was ended from here.
    private(set) var failure: HTTPClientError?

    private let maxBytes: Int
    private let peers: [IPAddress]?
    private let cancellation: HTTPCancellation?
    private let save: Saver?
    private var headerBytes = 0

    /// Takes what comes of a successful answer.
    typealias Saver = (_ transfer: Transfer, _ bytes: [UInt8]) throws(HTTPClientError) -> Void

    private static let maxHeaderBytes = 64 << 10
    /// What is kept of an answer that is not the file asked for.
    private static let maxRefusalBytes = 1 << 20

    init(
        maxBytes: Int, peers: [IPAddress]?, cancellation: HTTPCancellation?,
        save: Saver?
    ) {
        self.maxBytes = maxBytes
        self.peers = peers
        self.cancellation = cancellation
        self.save = save
    }

    /// Whether what comes goes to the file.
    var isSaving: Bool { save != nil && (200...299).contains(status) }

    private func take(header line: [UInt8]) throws(HTTPClientError) {
        headerBytes += line.count
        guard headerBytes <= Self.maxHeaderBytes else { throw .answerTooLarge(limit: Self.maxHeaderBytes) }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            // Another answer begins: what came before was provisional, or a redirect.
            headers = []
            status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        } else if let colon = text.firstIndex(of: ":") {
            let value = text[text.index(after: colon)...]
            headers.append((name: String(text[..<colon]), value: Self.trimmed(value)))
        }
    }

    private func take(body bytes: [UInt8]) throws(HTTPClientError) {
        guard isSaving, let save else {
            let limit = save == nil ? maxBytes : min(maxBytes, Self.maxRefusalBytes)
            guard bytes.count <= limit - body.count else { throw .answerTooLarge(limit: limit) }
            body += bytes
            return
        }
        guard bytes.count <= maxBytes - savedBytes else { throw .answerTooLarge(limit: maxBytes) }
        try save(self, bytes)
        savedBytes += bytes.count
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop(while: \.isWhitespace)
        guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...end])
    }

    /// Whether the call may go on.
    private func run(_ body: () throws(HTTPClientError) -> Void) -> Bool {
        guard failure == nil else { return false }
        do throws(HTTPClientError) {
            try body()
            return true
        } catch {
            failure = error
            return false
        }
    }
}

// What libcurl calls.
extension Transfer {
    static let receiveHeader: ccurl_receiver = { bytes, size, count, context in
        guard let transfer = unsafe Transfer.behind(context) else { return 0 }
        let line = unsafe Transfer.copy(bytes, size * count)
        return transfer.run { () throws(HTTPClientError) in try transfer.take(header: line) } ? size * count : 0
    }

    static let receiveBody: ccurl_receiver = { bytes, size, count, context in
        guard let transfer = unsafe Transfer.behind(context) else { return 0 }
        let piece = unsafe Transfer.copy(bytes, size * count)
        // Taking nothing of an empty piece is no refusal.
        return transfer.run { () throws(HTTPClientError) in try transfer.take(body: piece) } ? size * count : -1
    }

    static let watch: ccurl_monitor = { context, _, _, _, _ in
        guard let transfer = unsafe Transfer.behind(context) else { return 1 }
        let goesOn = transfer.run { () throws(HTTPClientError) in
            if transfer.cancellation?.isCancelled == true { throw .cancelled }
        }
        return goesOn ? 0 : 1
    }

    static let admit: ccurl_gate = { context, peer, _ in
        guard let transfer = unsafe Transfer.behind(context) else { return 0 }
        guard let peers = transfer.peers else { return 1 }
        let isAdmitted = transfer.run { () throws(HTTPClientError) in
            guard let address = unsafe IPAddress(peer), peers.contains(address) else {
                throw .forbiddenDestination("the connection would have gone to an address that was not checked")
            }
        }
        return isAdmitted ? 1 : 0
    }

    private static func behind(_ context: UnsafeMutableRawPointer?) -> Transfer? {
        unsafe context.map { unsafe Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func copy(_ bytes: UnsafeMutablePointer<CChar>, _ count: Int) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }
}
