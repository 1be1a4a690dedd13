import Crypto
import HTTPClient
import Synchronization
import VideoTypes

/// Where webhooks may go now, and how they are signed.
final class WebhookPolicy: Sendable {
    private let current: Mutex<DestinationPolicy?>
    /// The bytes of the secret; empty where webhooks are off.
    let secret: [UInt8]

    static var off: WebhookPolicy { WebhookPolicy(destinations: nil, secret: []) }

    init(destinations: DestinationPolicy?, secret: [UInt8]) {
        current = Mutex(destinations)
        self.secret = secret
    }

    var destinations: DestinationPolicy? { current.withLock { $0 } }

    /// From now on they go where the other lets them.
    func follow(_ other: WebhookPolicy) {
        let destinations = other.destinations
        current.withLock { $0 = destinations }
    }

    /// The address in its one spelling; refuses what must not be asked for, without the network.
    func admit(_ url: String) throws(APIError) -> String {
        guard let destinations else {
            throw .invalid("webhook_url", "is not possible here: the server allows no hosts", code: "webhooks_disabled")
        }
        do throws(HTTPClientError) {
            return try destinations.admit(url).text
        } catch {
            let reason = if case .forbiddenDestination(let reason) = error { reason } else { error.message }
            throw .invalid(
                "webhook_url", "is not an address that this server may call: \(reason)", code: "webhook_not_allowed")
        }
    }

    /// Standard Webhooks: HMAC-SHA256 of id, time and body.
    func signature(id: String, timestamp: Int, body: [UInt8]) throws(CryptoError) -> String {
        let digest = try HMACSHA256.digest(key: secret, bytes: Array("\(id).\(timestamp).".utf8) + body)
        return "v1," + Base64.encode(digest)
    }

    /// "whsec_" and base64, as the standard writes secrets.
    static func secret(_ text: String) throws(VideoError) -> [UInt8] {
        let word = text.filter { !$0.isWhitespace }
        guard word.hasPrefix("whsec_"), let bytes = Base64.decode(String(word.dropFirst("whsec_".count))),
            (24...64).contains(bytes.count)
        else {
            throw .invalid(
                "the webhook secret must be whsec_ and 24 to 64 bytes in base64",
                hint: "example: echo \"whsec_$(openssl rand -base64 32)\"")
        }
        return bytes
    }
}
