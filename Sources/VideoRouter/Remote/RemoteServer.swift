import HTTPClient
import VideoTypes

/// What a server tells of itself.
struct RemoteServer: Sendable {
    let desk: CloudAccount

    /// Reads the key and checks the address; asks the server nothing yet.
    init(_ options: RemoteProviderOptions, book: OrderBook, pollSeconds: Double?) throws(RouterError) {
        let base: WebAddress
        do throws(HTTPClientError) {
            base = try WebAddress(options.url)
        } catch {
            throw RouterError(.configuration, "\(options.name): \(options.url) is no address: \(error.message)")
        }
        guard !base.target.contains("?") else {
            throw RouterError(.configuration, "\(options.name): the address must have no query")
        }
        var key: CloudKey?
        if let source = options.key {
            key = try CloudKey(source, secret: nil, scheme: .authorization(word: "Bearer"), keepsFresh: false)
        }
        guard key == nil || base.staysSecret || options.allowsPlainHTTP else {
            throw RouterError(.configuration, "\(options.name): a key is not sent over http to another machine")
        }
        var account = CloudOptions(cloud: options.name, folder: options.folder)
        account.giveUpSeconds = options.giveUpSeconds
        account.maxClipBytes = options.maxClipBytes
        account.authorities = options.authorities
        desk = CloudAccount(
            ServerCloud(options, at: base, key: key), at: base, key: key, account, book: book,
            pollSeconds: pollSeconds)
    }

    /// nil where the server has no such address: it is not a wan-infer.
    func capabilities(_ query: String) async throws(ProviderError) -> HTTPAnswer? {
        let answer = try await answer("/capabilities" + query)
        return [404, 405, 501].contains(answer.status) ? nil : answer
    }

    func models() async throws(ProviderError) -> HTTPAnswer { try await answer("/models") }

    /// Outside of the versioned part of the API.
    func ready() async throws(ProviderError) -> HTTPAnswer {
        let base = desk.base
        let target = base.target.hasSuffix("/") ? base.target.dropLast() : base.target[...]
        let folder = target.hasSuffix("/v1") ? target.dropLast(3) : target
        return try await answer("\(base.text.dropLast(base.target.count))\(folder)/ready")
    }

    private func answer(_ place: String) async throws(ProviderError) -> HTTPAnswer {
        do throws(HTTPClientError) {
            return try await desk.answer(CloudCall(.get, place)).http
        } catch {
            throw error.providerError
        }
    }
}
