import Crypto
import HTTPClient
import JobStore
import Synchronization
import VideoTypes

/// Takes the journal's outbox to where it belongs; runs on a thread of its own.
final class WebhookSender: Sendable {
    /// Seconds until the next try, after each try that failed: two hours in all.
    static let delays = [5, 15, 45, 135, 400, 1200, 5400]

    private let store: JobStore
    private let policy: WebhookPolicy
    private let client: HTTPClient
    private let object: @Sendable (JobID) -> JSONText?
    private let now: @Sendable () -> Int
    private let delayFactor: Double
    private let isStopping = Mutex(false)

    init(
        store: JobStore, policy: WebhookPolicy, delayFactor: Double, now: @escaping @Sendable () -> Int,
        object: @escaping @Sendable (JobID) -> JSONText?
    ) {
        self.store = store
        self.policy = policy
        self.object = object
        self.now = now
        self.delayFactor = delayFactor
        client = HTTPClient(userAgent: "wan-infer/\(Version.text)")
    }

    func stop() { isStopping.withLock { $0 = true } }

    func run() {
        var last = store.lastEvent
        while !isStopping.withLock({ $0 }) {
            let due = (try? store.dueDeliveries(limit: 16)) ?? []
            for delivery in due where !isStopping.withLock({ $0 }) { deliver(delivery) }
            if due.isEmpty { last = store.wait(after: last, seconds: 1) }
        }
    }

    private func deliver(_ delivery: WebhookDelivery) {
        guard let object = object(delivery.job) else {
            try? store.giveUp(delivery)
            return
        }
        let isDone = attempt(delivery, body: Array(Self.body(delivery, object).utf8))
        if isDone {
            try? store.delivered(delivery)
        } else if delivery.tries < Self.delays.count {
            try? store.retry(delivery, afterSeconds: Int(Double(Self.delays[delivery.tries]) * delayFactor))
        } else {
            try? store.giveUp(delivery)
        }
    }

    private static func body(_ delivery: WebhookDelivery, _ object: JSONText) -> String {
        JSONText.object([
            ("id", .string(delivery.messageID)), ("object", "event"),
            ("type", .string("video." + delivery.kind.rawValue)), ("created_at", .integer(delivery.createdAt)),
            ("data", object),
        ]).description
    }

    /// The address is looked up and checked anew each time: names move.
    private func attempt(_ delivery: WebhookDelivery, body: [UInt8]) -> Bool {
        guard let destinations = policy.destinations else { return false }
        let time = now()
        guard let signature = try? policy.signature(id: delivery.messageID, timestamp: time, body: body),
            let destination = try? destinations.check(delivery.url)
        else { return false }
        var call = HTTPCall(.post, destination)
        call.headers = [
            ("content-type", "application/json"), ("webhook-id", delivery.messageID),
            ("webhook-timestamp", "\(time)"), ("webhook-signature", signature),
        ]
        call.body = .bytes(body)
        return (try? client.perform(call))?.isSuccess ?? false
    }
}
