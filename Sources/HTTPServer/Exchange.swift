import CMicroHTTPD
import Synchronization

/// One request and its answer, on its connection's thread.
@safe final class Exchange {
    private let core: ServerCore
    private let connection: OpaquePointer
    private let socket: Int32
    private let id = RequestID.random()
    private let target: [UInt8]
    /// Within the library's copy of the head.
    private let targetEnd: UnsafePointer<CChar>?
    private var isFirstCall = true
    private var request: HTTPRequest?
    /// Of a request without a body, kept until the whole request is known to be here.
    private var refusal: HTTPResponse?
    private var body: [UInt8] = []
    /// Of the body, more than which is thrown away.
    private var isBodyTooLarge = false
    private var discardedBytes = 0
    private var reservedBytes = 0
    private var isReceiving = false
    private var party: String?
    /// Whether the client may still be sending what nobody will read.
    private var leavesBodyUnread = false

    init(_ core: ServerCore, _ connection: OpaquePointer, target: [UInt8], end: UnsafePointer<CChar>?) {
        self.core = core
        unsafe self.connection = connection
        self.target = target
        unsafe targetEnd = end
        socket = unsafe cmh_socket(core.library.pointer, connection)
    }

    /// Called for the head, for each piece of the body and, without a piece, at the end; false cuts the connection.
    func proceed(
        _ piece: UnsafeRawBufferPointer, method: UnsafePointer<CChar>, version: UnsafePointer<CChar>
    ) -> Bool {
        if isFirstCall {
            isFirstCall = false
            return unsafe begin(method: method, version: version)
        }
        if unsafe !piece.isEmpty { return unsafe receive(piece) }
        return answer()
    }

    /// The answer is sent, or the connection is lost.
    func finish() {
        if isReceiving { core.budget.received(party: party) }
        core.budget.release(bytes: reservedBytes, party: party)
        if leavesBodyUnread { LingeringClose.drain(socket) { core.isStopping.load(ordering: .relaxed) } }
        core.watch.waits(socket)
    }

    private func begin(method: UnsafePointer<CChar>, version: UnsafePointer<CChar>) -> Bool {
        core.watch.set(socket, .answering, milliseconds: nil)
        let size: Gate.BodySize
        do throws(GateRefusal) {
            let head = unsafe Gate.Head(
                method: String(cString: method), version: String(cString: version), target: target,
                fields: RequestHeaders.fields(core.library, connection),
                headerBytes: RequestHeaders.byteCount(core.library, connection),
                hidesBytes: cmh_hides_bytes(core.library.pointer, connection, method, targetEnd, version) != 0)
            let checked = try core.gate.check(head, id: id)
            request = checked.request
            request?.peer = core.watch.peer(of: socket)
            request?.isAbandoned = { [socket] in cmh_is_gone(socket) != 0 }
            size = checked.body
        } catch {
            leavesBodyUnread = true
            return refuse(core.response(to: error))
        }
        guard let request else { return false }
        let refusal = core.handler.refusal(of: request)
        if size == .none {
            self.refusal = refusal
            return true
        }
        if let refusal {
            leavesBodyUnread = true
            return refuse(refusal)
        }
        party = core.handler.party(of: request)
        return beginUpload(size)
    }

    private func beginUpload(_ size: Gate.BodySize) -> Bool {
        let bytes = if case .known(let count) = size { count } else { core.options.maxBodyBytes }
        guard core.budget.begin(bytes: bytes, party: party) else {
            leavesBodyUnread = true
            var response = core.response(to: .tooManyUploads)
            if response.headers["Retry-After"] == nil { response.headers.add("Retry-After", "1") }
            return refuse(response)
        }
        isReceiving = true
        reservedBytes = bytes
        if case .known(let count) = size { body.reserveCapacity(count) }
        core.watch.set(socket, .receiving, milliseconds: 1000 * core.options.uploadSeconds)
        return true
    }

    private func receive(_ piece: UnsafeRawBufferPointer) -> Bool {
        let limit = core.options.maxBodyBytes
        if !isBodyTooLarge, piece.count <= limit - body.count {
            unsafe body.append(contentsOf: piece)
            return true
        }
        // Only a body in chunks: an announced length has been looked at. It is read on for a while, for the library can
        // answer only at its end.
        isBodyTooLarge = true
        body = []
        discardedBytes += piece.count
        return discardedBytes <= limit
    }

    private func answer() -> Bool {
        if isReceiving {
            isReceiving = false
            core.budget.received(party: party)
        }
        core.watch.set(socket, .answering, milliseconds: nil)
        guard var request else { return false }
        if isBodyTooLarge { return refuse(core.response(to: .bodyTooLarge(limit: core.options.maxBodyBytes))) }
        if let refusal { return send(refusal) }
        request.body = body
        body = []
        return send(core.handler.respond(to: request))
    }

    private func refuse(_ response: HTTPResponse) -> Bool {
        var response = response
        response.closes = true
        return send(response)
    }

    private func send(_ response: HTTPResponse) -> Bool {
        let answer = unsafe Answer(core, connection, socket: socket, id: id)
        return answer.send(response, to: request)
    }
}
