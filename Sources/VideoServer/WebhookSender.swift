import Crypto
import HTTPClient
import JobStore
import Synchronization
import VideoTypes

/// Takes the journal's outbox to where it belongs: each host has a lane, and waits for no other.
final class WebhookSender: Sendable {
    /// Seconds until the next try, after each try that failed: two hours in all.
    static let delays = [5, 15, 45, 135, 400, 1200, 5400]

    private let store: JobStore
    private let policy: WebhookPolicy
    private let client: HTTPClient
    private let object: @Sendable (JobID) -> JSONText?
    private let log: ServiceLog
    private let now: @Sendable () -> Int
    private let delayFactor: Double
    private let isStopping = Mutex(false)

    init(
        store: JobStore, policy: WebhookPolicy, delayFactor: Double, log: ServiceLog,
        now: @escaping @Sendable () -> Int, object: @escaping @Sendable (JobID) -> JSONText?
    ) {
        self.store = store
        self.policy = policy
        self.object = object
        self.log = log
        self.now = now
        self.delayFactor = delayFactor
        client = HTTPClient(userAgent: "wan-infer/\(Version.text)")
    }

    func stop() { isStopping.withLock { $0 = true } }

    /// One for each host, and one for what was ordered for hosts that are no longer named.
    var lanes: [JobStore.DeliveryChoice] {
        let hosts = policy.destinations.map { $0.hosts.union($0.privateHosts).sorted() } ?? []
        let beginnings = hosts.map { ["https://\($0)/", "http://\($0)/"] }
        return beginnings.map { .below($0) } + [.notBelow(beginnings.flatMap(\.self))]
    }

    /// Works one lane; on a thread of its own.
    func run(_ lane: JobStore.DeliveryChoice) {
        var last = store.lastEvent
        while !isStopping.withLock({ $0 }) {
            let due = (try? store.dueDeliveries(limit: 16, lane)) ?? []
            for delivery in due where !isStopping.withLock({ $0 }) { deliver(delivery) }
            if due.isEmpty { last = store.wait(after: last, seconds: 1) }
        }
    }

    private func deliver(_ delivery: WebhookDelivery) {
        guard let object = object(delivery.job) else {
            try? store.giveUp(delivery)
            return
        }
        guard let reason = failure(delivery, body: Array(Self.body(delivery, object).utf8)) else {
            log.webhook(delivery, failure: nil, nextSeconds: nil)
            try? store.delivered(delivery)
            return
        }
        let next =
            delivery.tries < Self.delays.count ? Int(Double(Self.delays[delivery.tries]) * delayFactor) : nil
        log.webhook(delivery, failure: reason, nextSeconds: next)
        if let next { try? store.retry(delivery, afterSeconds: next) } else { try? store.giveUp(delivery) }
    }

    private static func body(_ delivery: WebhookDelivery, _ object: JSONText) -> String {
        JSONText.object([
            ("id", .string(delivery.messageID)), ("object", "event"),
            ("type", .string("video." + delivery.kind.rawValue)), ("created_at", .integer(delivery.createdAt)),
            ("data", object),
        ]).description
    }

    /// Why it was not taken; nil where it was.
    ///
    /// The address is looked up and checked anew each time: names move.
    private func failure(_ delivery: WebhookDelivery, body: [UInt8]) -> String? {
        guard let destinations = policy.destinations else { return "webhooks are off" }
        let time = now()
        guard let signature = try? policy.signature(id: delivery.messageID, timestamp: time, body: body) else {
            return "libcrypto cannot sign it"
        }
        do throws(HTTPClientError) {
            var call = HTTPCall(.post, try destinations.check(delivery.url))
            call.headers = [
                ("content-type", "application/json"), ("webhook-id", delivery.messageID),
                ("webhook-timestamp", "\(time)"), ("webhook-signature", signature),
            ]
            call.body = .bytes(body)
            let answer = try client.perform(call)
            return answer.isSuccess ? nil : "the host answered \(answer.status)"
        } catch {
            return error.message
        }
    }
}
