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
    private let faults: FaultLog
    private let now: @Sendable () -> Int
    private let delayFactor: Double
    private let isStopping = Mutex(false)

    init(
        store: JobStore, policy: WebhookPolicy, delayFactor: Double, log: ServiceLog, faults: FaultLog,
        now: @escaping @Sendable () -> Int, object: @escaping @Sendable (JobID) -> JSONText?
    ) {
        self.store = store
        self.policy = policy
        self.object = object
        self.log = log
        self.faults = faults
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

    /// What came of a try.
    private enum Outcome {
        case taken
        case again(seconds: Int)
        /// Tried often enough, or there is nothing to tell any more.
        case over
    }

    /// Works one lane; on a thread of its own.
    func run(_ lane: JobStore.DeliveryChoice) {
        var last = store.lastEvent
        // By number: what the journal has not taken yet is not sent once more for that.
        var unwritten: [Int: Outcome] = [:]
        while !isStopping.withLock({ $0 }) {
            let due = faults.value("reading webhooks") { () throws(StoreError) in
                try store.dueDeliveries(limit: 16, lane)
            }
            for delivery in due ?? [] where !isStopping.withLock({ $0 }) {
                let outcome = unwritten.removeValue(forKey: delivery.number) ?? deliver(delivery)
                if !write(outcome, of: delivery) { unwritten[delivery.number] = outcome }
            }
            if due?.isEmpty ?? true || !unwritten.isEmpty { last = store.wait(after: last, seconds: 1) }
        }
    }

    private func deliver(_ delivery: WebhookDelivery) -> Outcome {
        guard let object = object(delivery.job) else { return .over }
        guard let reason = failure(delivery, body: Array(Self.body(delivery, object).utf8)) else {
            log.webhook(delivery, failure: nil, nextSeconds: nil)
            return .taken
        }
        let next =
            delivery.tries < Self.delays.count ? Int(Double(Self.delays[delivery.tries]) * delayFactor) : nil
        log.webhook(delivery, failure: reason, nextSeconds: next)
        return next.map { .again(seconds: $0) } ?? .over
    }

    /// Whether the journal has taken it.
    private func write(_ outcome: Outcome, of delivery: WebhookDelivery) -> Bool {
        let done: Void? = faults.value("noting what became of a webhook") { () throws(StoreError) in
            switch outcome {
            case .taken: try store.delivered(delivery)
            case .again(let seconds): try store.retry(delivery, afterSeconds: seconds)
            case .over: try store.giveUp(delivery)
            }
        }
        return done != nil
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
        let signature: String
        do throws(CryptoError) {
            signature = try policy.signature(id: delivery.messageID, timestamp: time, body: body)
        } catch {
            return error.videoError.message
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
