import Files
import Glibc
import HTTPClient
import VideoTypes

/// Asks a hub: the token goes to it alone, wherever it sends us.
struct HubClient: Sendable {
    let settings: HubSettings
    let cancellation: HTTPCancellation
    private let client = HTTPClient(userAgent: "wan-infer/\(Version.text)")

    private static let maxRedirects = 5
    private static let maxAddressBytes = 8192
    private static let maxListingBytes = 32 << 20

    init(_ settings: HubSettings, cancellation: HTTPCancellation) {
        self.settings = settings
        self.cancellation = cancellation
    }

    /// Of which revision of which repository something is asked.
    struct Place: Sendable {
        let repository: String
        let revision: String
    }

    /// What the repository holds at a revision.
    func listing(_ place: Place) throws(HubError) -> HubListing {
        let path = "/api/models/\(place.repository)/revision/\(HubPath.escaped(place.revision))?blobs=true"
        let nothing = { 0 }
        return try persist(since: nothing) { () throws(Setback) in
            var bytes: [UInt8] = []
            try follow(path, place, headers: [], maxBytes: Self.maxListingBytes) { _, piece in
                bytes += piece
            }
            do throws(ListingError) {
                return try HubListing(bytes)
            } catch {
                throw Setback(.badAnswer(host: settings.endpoint.authority, problem: error.problem), isFinal: true)
            }
        }
    }

    /// One call for bytes of a file; where it ends early, what came was taken.
    ///
    /// - Parameter take: handed what comes, from the begin of the range on.
    func bytes(
        _ range: Range<Int>, of file: HubFile, at place: Place, take: ([UInt8]) throws(HubError) -> Void
    ) throws(Setback) {
        let path = "/\(place.repository)/resolve/\(HubPath.escaped(place.revision))/\(HubPath.escaped(file.path))"
        var answer = RangeAnswer(range, of: file, host: settings.endpoint.authority)
        let isWhole = range == 0..<file.bytes
        let headers = isWhole ? [] : [(name: "Range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")]
        var failure: HubError?
        do throws(Setback) {
            try follow(path, place, headers: headers, maxBytes: file.bytes + (1 << 20), file) {
                head, piece throws(HTTPClientError) in
                do throws(HubError) {
                    let wanted = try answer.wanted(of: piece, head)
                    if !wanted.isEmpty { try take(Array(wanted)) }
                } catch {
                    failure = error
                    throw .cancelled
                }
                // A server that ignores ranges would go on to the end of the file.
                if answer.bringsMore { throw .cancelled }
            }
        } catch {
            if let failure { throw Setback(failure, isFinal: true) }
            if answer.isDone { return }
            throw error
        }
        guard answer.isDone else {
            throw Setback(
                .interrupted(host: settings.endpoint.authority, reason: "an answer that ends early", attempts: 1))
        }
    }

    // MARK: again

    /// Tries again while attempts bring something, and a few times when they do not.
    ///
    /// - Parameter progress: what has come so far.
    func persist<T>(since progress: () -> Int, _ attempt: () throws(Setback) -> T) throws(HubError) -> T {
        var fruitless = 0
        while true {
            guard !cancellation.isCancelled else { throw .cancelled }
            let before = progress()
            do throws(Setback) {
                return try attempt()
            } catch {
                guard !error.isFinal else { throw error.error }
                fruitless = progress() > before ? 1 : fruitless + 1
                guard fruitless < settings.attempts else { throw error.error(after: fruitless) }
                let usual = settings.pauseSeconds * Double(1 << min(fruitless - 1, 6))
                pause(max(error.waitSeconds ?? 0, usual))
            }
        }
    }

    private func pause(_ seconds: Double) {
        let end = SystemClock.monotonic() + seconds
        while !cancellation.isCancelled {
            let left = end - SystemClock.monotonic()
            guard left > 0 else { return }
            usleep(UInt32(min(left, 0.1) * 1e6))
        }
    }

    // MARK: one call

    private typealias Take = (_ head: HTTPAnswer, _ bytes: [UInt8]) throws(HTTPClientError) -> Void

    /// Calls the hub, and whom it sends us to.
    private func follow(
        _ path: String, _ place: Place, headers: [(name: String, value: String)], maxBytes: Int,
        _ file: HubFile? = nil, take: Take
    ) throws(Setback) {
        var address = try refused { () throws(HTTPClientError) in try settings.endpoint.appending(path) }
        for _ in 0...Self.maxRedirects {
            let isHub = isHub(address)
            var call = try call(address)
            call.headers += headers
            call.maxBytes = maxBytes
            call.totalSeconds = nil
            call.idleSeconds = settings.idleSeconds
            call.connectSeconds = settings.connectSeconds
            let answer: HTTPAnswer
            do throws(HTTPClientError) {
                answer = try client.stream(call, cancellation: cancellation, take: take)
            } catch {
                throw setback(error, address)
            }
            if isHub, let file { try checkDeclared(answer, file) }
            guard [301, 302, 303, 307, 308].contains(answer.status) else {
                if let setback = refusal(answer, address, place, file) { throw setback }
                return
            }
            address = try target(of: answer, from: address)
        }
        throw Setback(
            .badRedirect(host: settings.endpoint.authority, problem: "more than \(Self.maxRedirects) times"),
            isFinal: true)
    }

    private func isHub(_ address: WebAddress) -> Bool {
        address.authority == settings.endpoint.authority && address.isSecure == settings.endpoint.isSecure
    }

    /// A call with the token where it is the hub's, and elsewhere to an address that was looked at.
    private func call(_ address: WebAddress) throws(Setback) -> HTTPCall {
        guard !isHub(address) else {
            var call = HTTPCall(.get, address)
            // In the clear only where nobody listens.
            if let token = settings.token, address.isSecure || isOwn(address) {
                call.headers.append((name: "Authorization", value: "Bearer \(token)"))
            }
            return call
        }
        let host = settings.endpoint.authority
        guard address.isSecure || !settings.endpoint.isSecure else {
            throw Setback(.badRedirect(host: host, problem: "from https to http"), isFinal: true)
        }
        var policy = DestinationPolicy(hosts: [address.authority])
        if isOwn(settings.endpoint) { policy.privateHosts = [address.authority] }
        do throws(HTTPClientError) {
            return HTTPCall(.get, try policy.check(address))
        } catch {
            if case .forbiddenDestination(let reason) = error {
                throw Setback(.badRedirect(host: host, problem: "\(address.host): \(reason)"), isFinal: true)
            }
            throw setback(error, address)
        }
    }

    /// Whether a host is this machine or on one's own network.
    private func isOwn(_ address: WebAddress) -> Bool {
        let own: Set<IPAddress.Kind> = [.loopback, .privateNetwork, .carrierTranslated]
        let peers = address.literal.map { [$0] } ?? (try? NameResolver.addresses(address.host, address.port)) ?? []
        return !peers.isEmpty && peers.allSatisfy { own.contains($0.kind) }
    }

    private func target(of answer: HTTPAnswer, from address: WebAddress) throws(Setback) -> WebAddress {
        let location = answer["location"] ?? ""
        let scheme = address.isSecure ? "https:" : "http:"
        let name = address.host.contains(":") ? "[\(address.host)]" : address.host
        let text =
            if location.hasPrefix("//") {
                scheme + location
            } else if location.hasPrefix("/") {
                "\(scheme)//\(name):\(address.port)\(location)"
            } else {
                location
            }
        do throws(HTTPClientError) {
            return try WebAddress(text, maxBytes: Self.maxAddressBytes)
        } catch {
            throw Setback(.badRedirect(host: address.authority, problem: error.message), isFinal: true)
        }
    }

    /// The hub says with every file what it is, before it sends us to where the bytes are.
    private func checkDeclared(_ answer: HTTPAnswer, _ file: HubFile) throws(Setback) {
        let host = settings.endpoint.authority
        if let text = answer["x-linked-size"], text != "\(file.bytes)" {
            let found = Int(text) ?? -1
            throw Setback(
                .size(path: file.path, expected: file.bytes, found: found, declaredBy: "the list of \(host)"),
                isFinal: true)
        }
        guard let expected = file.sha256, var digest = answer["x-linked-etag"] else { return }
        if digest.hasPrefix("W/") { digest = String(digest.dropFirst(2)) }
        digest = String(digest.filter { $0 != "\"" })
        guard HubPath.isSHA256(digest), digest != expected else { return }
        throw Setback(
            .digest(path: file.path, expected: expected, found: digest, declaredBy: "the list of \(host)"),
            isFinal: true)
    }

    // MARK: what went wrong

    private func refused<T>(_ work: () throws(HTTPClientError) -> T) throws(Setback) -> T {
        do throws(HTTPClientError) {
            return try work()
        } catch {
            throw setback(error, settings.endpoint)
        }
    }

    private func setback(_ error: HTTPClientError, _ address: WebAddress) -> Setback {
        switch error {
        case .cancelled: Setback(.cancelled, isFinal: true)
        case .unreachable, .timedOut, .interrupted:
            Setback(.interrupted(host: address.authority, reason: error.message, attempts: 1))
        case .answerTooLarge(let limit):
            Setback(.badAnswer(host: address.authority, problem: "more than \(limit) bytes"), isFinal: true)
        default: Setback(.failed(error.videoError), isFinal: true)
        }
    }

    private func refusal(
        _ answer: HTTPAnswer, _ address: WebAddress, _ place: Place, _ file: HubFile?
    ) -> Setback? {
        let host = address.authority
        let seconds = answer["retry-after"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
        let refused = HubError.refused(status: answer.status, host: host, waitSeconds: seconds)
        let hadToken = settings.token != nil
        switch answer.status {
        case 200...299: return nil
        case 401, 403, 404, 410:
            // Elsewhere an address that was signed has run out; the hub signs another.
            guard isHub(address) else { return Setback(refused) }
            if answer["x-error-code"] == "GatedRepo" || answer.status == 403 {
                let page = (try? settings.endpoint.appending("/" + place.repository))?.text ?? host
                return Setback(.gated(repository: place.repository, page: page, hadToken: hadToken), isFinal: true)
            }
            if answer.status == 401 {
                return Setback(
                    .unauthorised(repository: place.repository, host: host, hadToken: hadToken), isFinal: true)
            }
            let what = place.repository + (file.map { "/\($0.path)" } ?? "")
            return Setback(.notFound(repository: what, revision: place.revision, host: host), isFinal: true)
        case 416:
            let total = answer["content-range"].flatMap { $0.split(separator: "/").last }.flatMap { Int($0) }
            guard let file, let total, total != file.bytes else { return Setback(refused) }
            return Setback(
                .size(
                    path: file.path, expected: file.bytes, found: total,
                    declaredBy: "the list of \(settings.endpoint.authority)"), isFinal: true)
        case 408, 425, 429, 500, 502, 503, 504:
            let isLong = Double(seconds ?? 0) > settings.longestPause
            return Setback(refused, isFinal: isLong, waitSeconds: seconds.map(Double.init))
        default: return Setback(refused, isFinal: true)
        }
    }
}

/// Why one attempt brought no whole answer, and whether another may.
struct Setback: Error {
    let error: HubError
    let isFinal: Bool
    /// What the server asked for.
    let waitSeconds: Double?

    init(_ error: HubError, isFinal: Bool = false, waitSeconds: Double? = nil) {
        self.error = error
        self.isFinal = isFinal
        self.waitSeconds = waitSeconds
    }

    func error(after attempts: Int) -> HubError {
        guard case .interrupted(let host, let reason, _) = error else { return error }
        return .interrupted(host: host, reason: reason, attempts: attempts)
    }
}
