import HTTPClient
import VideoTypes

/// The calls of the API, one method each.
struct RemoteServer: Sendable {
    let base: WebAddress
    let key: RemoteKey?
    private let client: HTTPClient

    private static let createSeconds = 120.0
    private static let askSeconds = 20.0

    init(_ options: RemoteProviderOptions) throws(RouterError) {
        do throws(HTTPClientError) {
            base = try WebAddress(options.url)
        } catch {
            throw RouterError(.configuration, "\(options.name): \(options.url) is no address: \(error.message)")
        }
        guard !base.target.contains("?") else {
            throw RouterError(.configuration, "\(options.name): the address must have no query")
        }
        key = if let source = options.key { try RemoteKey(source) } else { nil }
        let isHere = base.host == "localhost" || base.literal?.kind == .loopback
        guard key == nil || base.isSecure || isHere || options.allowsPlainHTTP else {
            throw RouterError(.configuration, "\(options.name): a key is not sent over http to another machine")
        }
        client = HTTPClient(userAgent: "wan-infer/\(Version.text)", authorities: options.authorities)
    }

    func create(
        _ parts: [HTTPCall.FormPart], idempotencyKey: String, traceParent: String?
    ) async throws(ProviderError) -> RemoteVideo {
        var call = try call(.post, "/videos")
        call.body = .form(parts)
        call.headers.append(("Idempotency-Key", idempotencyKey))
        if let traceParent { call.headers.append(("traceparent", traceParent)) }
        call.totalSeconds = Self.createSeconds
        call.idleSeconds = Self.createSeconds
        let answer = try await answer(call)
        guard answer.isSuccess else {
            let refusal = RemoteRefusal(answer, key: key)
            // Without a code of the API's it is not the API that speaks.
            if answer.status == 404, ["", "not_found"].contains(refusal.code) {
                throw .badRequest(addressHint, parameter: nil)
            }
            throw refusal.providerError
        }
        return try RemoteVideo(answer.body, key: key)
    }

    /// What to say of a server that has no API where it was looked for.
    var addressHint: String {
        let hint = base.target.contains("/v1") ? "" : "; the address usually ends in /v1"
        return "there is no video API at \(base.text)\(hint)"
    }

    /// The clip as it is, and after how many seconds the server wants to be asked again.
    func retrieve(_ id: String) async throws(ProviderError) -> (video: RemoteVideo, pollSeconds: Double?) {
        let answer = try await accepted(try call(.get, "/videos/\(id)"))
        let milliseconds = answer["openai-poll-after-ms"].flatMap { Double($0) }
        return (try RemoteVideo(answer.body, key: key), milliseconds.map { $0 / 1000 })
    }

    /// - Parameter maxBytes: of the clip.
    func download(_ id: String, to path: String, maxBytes: Int) async throws(ProviderError) {
        var call = try call(.get, "/videos/\(id)/content")
        call.totalSeconds = nil
        call.idleSeconds = 60
        call.maxBytes = maxBytes
        call.maxRedirects = 3
        let answer: HTTPAnswer
        do throws(HTTPClientError) {
            answer = try await client.download(call, to: path)
        } catch {
            throw error.providerError
        }
        guard answer.savedBytes != nil else { throw RemoteRefusal(answer, key: key).providerError }
    }

    /// Stops a clip; what answers is of no matter.
    func stop(_ id: String, isOurs: Bool) async {
        let call = isOurs ? try? call(.post, "/videos/\(id)/cancel") : try? call(.delete, "/videos/\(id)")
        if let call { _ = try? await client.answer(to: call) }
    }

    /// nil where the server has no such address: it is not a wan-infer.
    func capabilities(_ query: String) async throws(ProviderError) -> HTTPAnswer? {
        let answer = try await answer(try call(.get, "/capabilities" + query))
        return [404, 405, 501].contains(answer.status) ? nil : answer
    }

    func models() async throws(ProviderError) -> HTTPAnswer { try await answer(try call(.get, "/models")) }

    /// Outside of the versioned part of the API.
    func ready() async throws(ProviderError) -> HTTPAnswer {
        let target = base.target.hasSuffix("/") ? base.target.dropLast() : base.target[...]
        let folder = target.hasSuffix("/v1") ? target.dropLast(3) : target
        let root = base.text.dropLast(base.target.count) + folder
        return try await answer(try call(.get, to: root + "/ready"))
    }

    private func call(_ method: HTTPCall.Method, _ path: String) throws(ProviderError) -> HTTPCall {
        let text = base.text
        return try call(method, to: (text.hasSuffix("/") ? String(text.dropLast()) : text) + path)
    }

    private func call(_ method: HTTPCall.Method, to text: String) throws(ProviderError) -> HTTPCall {
        do throws(HTTPClientError) {
            var call = HTTPCall(method, try WebAddress(text))
            call.headers = [("Accept", "*/*")]
            if let key { call.headers.append(key.header) }
            call.totalSeconds = Self.askSeconds
            return call
        } catch {
            throw error.providerError
        }
    }

    private func answer(_ call: HTTPCall) async throws(ProviderError) -> HTTPAnswer {
        do throws(HTTPClientError) {
            return try await client.answer(to: call)
        } catch {
            throw error.providerError
        }
    }

    private func accepted(_ call: HTTPCall) async throws(ProviderError) -> HTTPAnswer {
        let answer = try await answer(call)
        guard answer.isSuccess else { throw RemoteRefusal(answer, key: key).providerError }
        return answer
    }
}
