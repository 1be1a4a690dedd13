import Files
import Glibc
import HTTPClient
import Synchronization
import Threads
import VideoTypes

/// A key at a cloud or a server, and the calls that are made with it: what all models of the account share.
public final class CloudAccount: Sendable {
    let cloud: any Cloud
    let options: CloudOptions
    let book: OrderBook
    let prices: PriceList
    let base: WebAddress
    /// nil where there is none: of one's own servers.
    let key: CloudKey?
    /// Whose money it is: the same for all models.
    let name: String
    let folder: ClipFolder
    let lastFrames = LastFrames()
    /// The pause between two looks; the cloud's own, but in tests.
    let pollSeconds: Double
    private let client: HTTPClient
    private let askSeconds: Double
    private let taken = Mutex(0)

    private static let submitSeconds = 120.0
    private static let maxHops = 5
    /// Signed links are long.
    private static let maxLinkBytes = 16 << 10

    /// Reads the key and makes the folder where it is missing; asks the cloud nothing yet.
    public convenience init(_ options: CloudOptions, book: OrderBook, prices: PriceList) throws(RouterError) {
        try self.init(options, book: book, prices: prices, pollSeconds: nil)
    }

    package init(
        _ options: CloudOptions, book: OrderBook, prices: PriceList, pollSeconds: Double?
    ) throws(RouterError) {
        let listed = try CloudCatalogue.cloud(options)
        cloud = listed.cloud
        self.options = options
        self.book = book
        self.prices = prices
        self.pollSeconds = pollSeconds ?? listed.cloud.pollSeconds
        if let slots = options.slots, !(1...10_000).contains(slots) {
            throw RouterError(.configuration, "\(options.cloud): slots must be 1 to 10000, got \(slots)")
        }
        do throws(HTTPClientError) {
            base = try WebAddress(options.url ?? listed.cloud.address)
        } catch {
            throw RouterError(.configuration, "\(options.cloud): its address is none: \(error.message)")
        }
        guard !base.target.contains("?") else {
            throw RouterError(.configuration, "\(options.cloud): the address must have no query")
        }
        guard base.staysSecret else {
            throw RouterError(.configuration, "\(options.cloud): a key is not sent over http to another machine")
        }
        key = try CloudKey(
            options.key ?? .environment(listed.keyVariable), secret: options.secret, scheme: listed.cloud.keyScheme,
            keepsFresh: listed.keepsKeyFresh)
        name = "\(listed.cloud.name) at \(base.authority)"
        askSeconds = 30
        client = HTTPClient(userAgent: "wan-infer/\(Version.text)", authorities: options.authorities)
        folder = ClipFolder(path: options.folder)
        do throws(ProviderError) {
            try folder.check()
        } catch {
            throw RouterError(.configuration, "\(options.cloud): \(error.message)")
        }
    }

    /// A server's: its address and key are checked already.
    init(
        _ server: ServerCloud, at base: WebAddress, key: CloudKey?, _ options: CloudOptions, book: OrderBook,
        pollSeconds: Double?
    ) {
        cloud = server
        self.options = options
        self.book = book
        self.base = base
        self.key = key
        self.pollSeconds = pollSeconds ?? server.pollSeconds
        prices = .none
        name = "server at \(base.authority)"
        askSeconds = 20
        client = HTTPClient(userAgent: "wan-infer/\(Version.text)", authorities: options.authorities)
        folder = ClipFolder(path: options.folder)
    }

    /// Whether it is the cloud itself that is called: relays serve models for longer.
    var isAtHome: Bool { (try? WebAddress(cloud.address))?.host == base.host }

    // MARK: Calls

    func answer(_ call: CloudCall) async throws(HTTPClientError) -> CloudAnswer {
        CloudAnswer(try await client.answer(to: try http(call, isOrder: false)))
    }

    /// Places an order.
    ///
    /// - Parameter traceParent: by which others follow it.
    func answer(toOrder call: CloudCall, traceParent: String?) async throws(HTTPClientError) -> CloudAnswer {
        var http = try http(call, isOrder: true)
        for (name, value) in call.headers.sorted(by: { $0.key < $1.key }) { http.headers.append((name, value)) }
        if let traceParent { http.headers.append(("traceparent", traceParent)) }
        return CloudAnswer(try await client.answer(to: http))
    }

    /// The key goes to the cloud's own host alone, whatever address an answer named.
    private func http(_ call: CloudCall, isOrder: Bool) throws(HTTPClientError) -> HTTPCall {
        let isWhole = call.place.hasPrefix("https://") || call.place.hasPrefix("http://")
        let address = isWhole ? try WebAddress(call.place) : try base.appending(call.place)
        guard address.authority == base.authority, address.isSecure == base.isSecure else {
            throw .forbiddenDestination("it is at another host than the cloud, and would get the key")
        }
        var http = HTTPCall(call.method, address)
        http.headers = try headers()
        switch call.body {
        case .none: break
        case .json(let value):
            http.headers.append(("Content-Type", "application/json"))
            http.body = .bytes(Array(value.description.utf8))
        case .form(let parts): http.body = .form(parts)
        }
        http.totalSeconds = isOrder ? Self.submitSeconds : askSeconds
        http.idleSeconds = isOrder ? Self.submitSeconds : askSeconds
        http.maxBytes = call.maxBytes
        return http
    }

    private func headers() throws(HTTPClientError) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = [("Accept", "application/json")]
        do throws(ProviderError) {
            if let key { headers.append(try key.header(at: SystemClock.unix())) }
        } catch {
            throw .invalidCall(error.message)
        }
        for (name, value) in cloud.headers.sorted(by: { $0.key < $1.key }) { headers.append((name, value)) }
        return headers
    }

    /// An error without any words that hold the key.
    func clean(_ error: ProviderError) -> ProviderError {
        guard let key, key.isIn(error.message) else { return error }
        let text = "the cloud's words are not shown: they hold the key"
        return switch error {
        case .badRequest(_, let parameter):
            .badRequest(text, parameter: parameter.flatMap { key.isIn($0) ? nil : $0 })
        case .contentPolicy: .contentPolicy(text)
        case .authentication: .authentication(text)
        case .timeout: .timeout(text)
        case .corruptOutput: .corruptOutput(text)
        case .uncertain: .uncertain(text)
        default: .server(text)
        }
    }

    // MARK: Slots

    /// Whether an order may be placed now; to be given back by `leave`.
    func enter() -> Bool {
        taken.withLock { taken in
            guard let slots = options.slots, taken >= slots else {
                taken += 1
                return true
            }
            return false
        }
    }

    /// The same for an order that is at the cloud already.
    func occupy() { taken.withLock { $0 += 1 } }

    func leave() { taken.withLock { $0 -= 1 } }

    /// Orders that would have to end before the next one is placed.
    var queueLength: Int { options.slots.map { slots in taken.withLock { max($0 - slots + 1, 0) } } ?? 0 }
}

// Fetching what a link leads to.
extension CloudAccount {
    enum Fetched: Sendable {
        case saved
        /// The link does not hold any more; a fresh one may.
        case expired
        /// The cloud itself says why not: of its key, or of its hour.
        case refused(ProviderError)
    }

    /// - Parameter needsKey: where the link is the cloud's own; never where it sends on.
    func fetch(_ link: String, needsKey: Bool, to path: String) async throws(ProviderError) -> Fetched {
        do throws(HTTPClientError) {
            var link = link
            var showsKey = needsKey
            for _ in 0...Self.maxHops {
                let call = try await download(link, showsKey: showsKey)
                let answer = try await client.download(call, to: path)
                if answer.savedBytes != nil { return .saved }
                switch answer.status {
                case 401 where showsKey, 429 where showsKey, 500...599 where showsKey:
                    return .refused(cloud.refusal(CloudAnswer(answer)) ?? .server("the clip cannot be had"))
                case 300...399:
                    guard let next = answer["location"], let target = Self.resolved(next, call.address) else {
                        throw .forbiddenDestination("it sends elsewhere and does not say where")
                    }
                    link = target
                    showsKey = false
                case 403, 404, 410: return .expired
                case 500...599: throw .interrupted("the host of the clip answered \(answer.status)")
                default: return .expired
                }
            }
            throw .forbiddenDestination("it sends around in circles")
        } catch {
            switch error {
            case .forbiddenDestination, .answerTooLarge:
                throw .corruptOutput("the clip cannot be fetched: \(error.message)")
            default: throw error.providerError
            }
        }
    }

    private func download(_ link: String, showsKey: Bool) async throws(HTTPClientError) -> HTTPCall {
        var call: HTTPCall
        if showsKey {
            call = try http(CloudCall(.get, link), isOrder: false)
        } else {
            call = HTTPCall(.get, try await destination(link))
            call.headers = [("Accept", "*/*")]
        }
        call.totalSeconds = nil
        call.idleSeconds = 60
        call.maxBytes = options.maxClipBytes
        return call
    }

    /// Names are resolved off the threads that everybody shares.
    private func destination(_ link: String) async throws(HTTPClientError) -> CheckedAddress {
        let base = base
        let found = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<CheckedAddress, HTTPClientError>, Never>) in
            let thread = OwnThread {
                continuation.resume(
                    returning: Result { () throws(HTTPClientError) in try Self.checked(link, base) })
            }
            guard let thread else { return continuation.resume(returning: .failure(.unreachable("no thread"))) }
            thread.detach()
        }
        return try found.get()
    }

    /// Any host of the public internet by https; on one's own networks only where the cloud itself was put there.
    private static func checked(_ link: String, _ base: WebAddress) throws(HTTPClientError) -> CheckedAddress {
        let address = try WebAddress(link, maxBytes: maxLinkBytes)
        var policy = DestinationPolicy(hosts: [address.authority])
        let own: Set<IPAddress.Kind> = [.loopback, .privateNetwork]
        let peers =
            if let literal = base.literal { [literal] } else { try NameResolver.addresses(base.host, base.port) }
        policy.kinds.formUnion(own.intersection(peers.map(\.kind)))
        policy.allowsPlainLoopback = !base.isSecure
        return try policy.check(address)
    }

    /// Where a redirect leads; nil for what is no address.
    private static func resolved(_ target: String, _ from: WebAddress) -> String? {
        if target.hasPrefix("https://") || target.hasPrefix("http://") { return target }
        guard target.hasPrefix("/"), !target.hasPrefix("//") else { return nil }
        return String(from.text.dropLast(from.target.utf8.count)) + target
    }
}

extension WebAddress {
    /// Whether what is sent there is read by nobody on the way.
    var staysSecret: Bool { isSecure || host == "localhost" || literal?.kind == .loopback }
}
