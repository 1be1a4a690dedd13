/// Lets only requests through about which two readers could not differ, sent to this server by its own pages or by
/// programs.
struct Gate: Sendable {
    private let options: HTTPServerOptions
    private let hosts: Set<String>
    private let takesAnyAddress: Bool

    /// A request's head as it came.
    struct Head {
        var method: String
        var version: String
        /// As sent.
        var target: [UInt8]
        var fields: [(name: [UInt8], value: [UInt8])]
        var headerBytes: Int
        /// Whether a zero byte ends the target or a value too early: another reader could see more of it.
        var hidesBytes = false
    }

    enum BodySize: Equatable {
        case none
        case known(Int)
        case chunked
    }

    /// Fields that say one thing; given twice, two readers could take different ones.
    private static let singleFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "content-type", "authorization", "origin", "expect", "range",
        "if-range", "idempotency-key", "sec-fetch-site",
    ]
    private static let maxMethodBytes = 16

    init(_ options: HTTPServerOptions, address: ListeningSocket.Address) {
        self.options = options
        let own = if case .v6 = address { "[\(options.host)]" } else { options.host }
        hosts = Set(options.hostNames.map { $0.lowercased() } + [own.lowercased()])
        takesAnyAddress = address.isWildcard
    }

    func check(_ head: Head, id: String) throws(GateRefusal) -> (request: HTTPRequest, body: BodySize) {
        guard !head.hidesBytes else { throw .malformed("the request's head holds a zero byte or a folded field") }
        let target = try target(head.target)
        guard head.method.utf8.count <= Self.maxMethodBytes, HTTPToken.isToken(head.method) else {
            throw .malformed("the method is malformed")
        }
        let headers = try headers(head)
        try checkHost(headers, version: head.version)
        // It goes before the field; here both must be ours, so that it is of no matter which one a proxy reads.
        if let authority = target.authority { try checkHost(authority) }
        let origin = try foreignOrigin(headers)
        if let expectation = headers["Expect"], expectation.lowercased() != "100-continue" {
            throw .expectationFailed
        }
        var request = HTTPRequest(
            method: head.method, path: target.path, query: target.query, headers: headers, id: id)
        request.origin = origin
        return (request, try bodySize(headers, method: head.method))
    }

    private func target(_ raw: [UInt8]) throws(GateRefusal) -> RequestTarget {
        do throws(RequestTarget.Fault) {
            return try RequestTarget(raw, maxBytes: options.maxURIBytes)
        } catch {
            switch error {
            case .tooLong: throw .targetTooLong
            case .malformed: throw .malformed("the request's target is malformed")
            case .badEscape: throw .malformed("the request's target has an escape that is not allowed")
            case .tooManyQueryItems: throw .malformed("the request's target has too many query items")
            }
        }
    }

    private func headers(_ head: Head) throws(GateRefusal) -> HTTPHeaders {
        guard head.headerBytes <= options.maxHeaderBytes, head.fields.count <= options.maxHeaders else {
            throw .headerTooLarge
        }
        var headers = HTTPHeaders()
        var seen: Set<String> = []
        for (name, value) in head.fields {
            guard let name = String(validating: name, as: UTF8.self), HTTPToken.isToken(name) else {
                throw .malformed("the name of a header field is malformed")
            }
            guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }),
                let value = String(validating: value, as: UTF8.self)
            else { throw .malformed("the value of a header field is malformed") }
            let key = name.lowercased()
            guard seen.insert(key).inserted || !Self.singleFields.contains(key) else {
                throw .malformed("a header field that may be given once is given twice")
            }
            headers.add(name, value)
        }
        return headers
    }

    private func checkHost(_ headers: HTTPHeaders, version: String) throws(GateRefusal) {
        guard let host = headers["Host"]?.lowercased() else {
            // Browsers, which a foreign page could direct here, speak HTTP/1.1.
            guard version == "HTTP/1.0" else { throw .malformed("the Host field is missing") }
            return
        }
        try checkHost(host)
    }

    /// - Parameter host: with or without a port, in lower case.
    private func checkHost(_ host: String) throws(GateRefusal) {
        let isBracketed = host.hasPrefix("[")
        let end = isBracketed ? host.firstIndex(of: "]").map(host.index(after:)) : host.firstIndex(of: ":")
        let name = host[..<(end ?? host.endIndex)]
        let port = host[name.endIndex...]
        guard !isBracketed || end != nil,
            port.isEmpty || port.first == ":" && port.dropFirst().utf8.allSatisfy({ 48...57 ~= $0 })
        else { throw .malformed("the Host field is malformed") }
        if hosts.contains(String(name)) { return }
        // A numeric address cannot be made to mean another machine.
        let literal = isBracketed ? name.dropFirst().dropLast() : name
        guard takesAnyAddress, ListeningSocket.Address(String(literal)) != nil else { throw .hostNotAllowed }
    }

    /// The other site that sends the request and may; nil where it is no other site.
    private func foreignOrigin(_ headers: HTTPHeaders) throws(GateRefusal) -> String? {
        guard let origin = headers["Origin"] else {
            guard headers["Sec-Fetch-Site"]?.lowercased() != "cross-site" else { throw .originNotAllowed }
            return nil
        }
        if options.origins.contains(origin.lowercased()) { return origin }
        // The scheme says nothing here: a proxy in front may speak TLS.
        let own = headers["Host"].map { ["http://\($0)".lowercased(), "https://\($0)".lowercased()] } ?? []
        guard own.contains(origin.lowercased()), headers["Sec-Fetch-Site"]?.lowercased() != "cross-site" else {
            throw .originNotAllowed
        }
        return nil
    }

    private func bodySize(_ headers: HTTPHeaders, method: String) throws(GateRefusal) -> BodySize {
        let size: BodySize
        switch (headers["Content-Length"], headers["Transfer-Encoding"]) {
        case (nil, nil): return .none
        case (.some, .some): throw .malformed("Content-Length and Transfer-Encoding exclude one another")
        case (nil, let encoding?):
            guard encoding.lowercased() == "chunked" else {
                throw .malformed("the only Transfer-Encoding that is understood is chunked")
            }
            size = .chunked
        case (let length?, nil):
            guard !length.isEmpty, length.utf8.allSatisfy({ 48...57 ~= $0 }) else {
                throw .malformed("Content-Length is malformed")
            }
            guard let count = Int(length), count <= options.maxBodyBytes else {
                throw .bodyTooLarge(limit: options.maxBodyBytes)
            }
            if count == 0 { return .none }
            size = .known(count)
        }
        guard ["POST", "PUT", "PATCH"].contains(method) else {
            throw .malformed("a request of this method may not have a body")
        }
        return size
    }
}
