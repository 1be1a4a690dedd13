import Files
import FoundationEssentials
import Glibc
import StrictJSON
import Synchronization
package import VideoTypes

/// Every order that was placed at a cloud or a server, on the disk before they hear of it.
///
/// A file of lines of JSON, of which the last of an order counts. One process at a time has it.
public final class OrderBook: Sendable {
    /// nil where all is forgotten with the process.
    private let path: String?
    /// Held for as long as the book is open; nil where it is only read.
    private let lock: Int32?
    /// What all orders together may cost.
    let limits: SpendingLimits
    private let state: Mutex<State>

    fileprivate struct State {
        var descriptor: Int32
        /// Whether the last line has no end.
        var isTorn: Bool
        private(set) var records: [String: OrderRecord] = [:]
        /// References in the order of their first line.
        private(set) var order: [String] = []
        /// The same of one request and its variants, and of one provider: a book may be long, and a router asks often.
        private var ofRequest: [String: [String]] = [:]
        private var ofProvider: [String: [String]] = [:]

        init(descriptor: Int32, isTorn: Bool, _ records: [OrderRecord]) {
            self.descriptor = descriptor
            self.isTorn = isTorn
            for record in records { put(record) }
        }

        /// Without the oldest of those that have ended, beyond this many.
        mutating func shorten(to count: Int) {
            guard order.count > count, let index = order.firstIndex(where: { records[$0]?.isOpen == false }),
                let record = records.removeValue(forKey: order.remove(at: index))
            else { return }
            ofProvider[record.provider]?.removeAll { $0 == record.reference }
            for name in record.requestNames {
                ofRequest[name]?.removeAll { $0 == record.reference }
                if ofRequest[name]?.isEmpty == true { ofRequest[name] = nil }
            }
        }

        mutating func put(_ record: OrderRecord) {
            guard records.updateValue(record, forKey: record.reference) == nil else { return }
            order.append(record.reference)
            ofProvider[record.provider, default: []].append(record.reference)
            for name in record.requestNames { ofRequest[name, default: []].append(record.reference) }
        }

        func of(request: String) -> [OrderRecord] { (ofRequest[request] ?? []).compactMap { records[$0] } }

        /// Of those of a provider that brought a clip, the newest.
        func done(_ provider: String, last count: Int) -> [OrderRecord] {
            var found: [OrderRecord] = []
            for reference in (ofProvider[provider] ?? []).reversed() where found.count < count {
                if let record = records[reference], record.state == .done { found.append(record) }
            }
            return found
        }
    }

    /// Ended orders are kept this long.
    private static let keptSeconds = 90 * 86_400.0
    private static let maxBytes = 1 << 30
    /// Of a book that is only remembered.
    private static let mostRemembered = 1024

    /// Remembered for as long as this process lives, and written nowhere.
    public init() {
        path = nil
        limits = SpendingLimits()
        lock = nil
        state = Mutex(State(descriptor: -1, isTorn: false, []))
    }

    /// Opens the book, for the owner alone; makes it where there is none.
    public convenience init(path: String) throws(RouterError) { try self.init(path: path, limits: SpendingLimits()) }

    package init(path: String, limits: SpendingLimits) throws(RouterError) {
        self.path = path
        self.limits = limits
        let lock = try Self.open(path + ".lock")
        self.lock = lock
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw RouterError(
                .configuration,
                "another process has the book of orders \(path.printable) open; end that one, or give this one a folder "
                    + "of its own")
        }
        do throws(RouterError) {
            state = Mutex(try Self.read(path))
        } catch {
            close(lock)
            throw error
        }
    }

    /// To be looked at while another process may have it open; nothing is ordered by it, nothing made.
    package init(reading path: String, limits: SpendingLimits) throws(RouterError) {
        self.path = path
        self.limits = limits
        lock = nil
        let (records, order, _) = try Self.records(try Self.bytes(path), path)
        state = Mutex(State(descriptor: -1, isTorn: false, order.compactMap { records[$0] }))
    }

    deinit {
        guard let lock else { return }
        state.withLock { _ = close($0.descriptor) }
        close(lock)
    }

    private static func open(_ path: String) throws(RouterError) -> Int32 {
        let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = unsafe Glibc.open(path, flags, 0o600)
        var facts = stat()
        guard descriptor >= 0, unsafe fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            let reason = descriptor < 0 ? SystemError.text(errno) : "it is no plain file"
            if descriptor >= 0 { close(descriptor) }
            throw RouterError(.configuration, "cannot open the book of orders \(path.printable): \(reason)")
        }
        return descriptor
    }

    /// Reads the lines; what has become long is written anew, without what ended long ago.
    private static func read(_ path: String) throws(RouterError) -> State {
        let bytes = try bytes(path)
        let (records, order, lines) = try records(bytes, path)
        let oldest = SystemClock.unix() - keptSeconds
        let kept = order.compactMap { records[$0] }.filter { $0.isOpen || ($0.endedAt ?? $0.placedAt) > oldest }
        var isTorn = bytes.last.map { $0 != 0x0A } ?? false
        if lines > 2 * kept.count + 1000 {
            do throws(FileFailure) {
                try FileBytes.replace(path, with: kept.flatMap { line($0) ?? [] })
            } catch {
                throw RouterError(.configuration, "cannot write the book of orders \(path.printable): \(error)")
            }
            isTorn = false
        }
        let descriptor = try open(path)
        do throws(FileFailure) {
            try FileBytes.flushFolder(of: path)
        } catch {
            close(descriptor)
            throw RouterError(.configuration, "cannot keep the book of orders \(path.printable): \(error)")
        }
        return State(descriptor: descriptor, isTorn: isTorn, order.compactMap { records[$0] })
    }

    private static func bytes(_ path: String) throws(RouterError) -> [UInt8] {
        do throws(FileFailure) {
            return try FileBytes.read(path, limit: maxBytes) ?? []
        } catch {
            throw RouterError(.configuration, "cannot read the book of orders \(path.printable): \(error)")
        }
    }

    /// A line that was torn was never acted upon: its order had not been placed, or stands in the line before.
    private static func records(
        _ bytes: [UInt8], _ path: String
    ) throws(RouterError) -> (records: [String: OrderRecord], order: [String], lines: Int) {
        guard bytes.first ?? UInt8(ascii: "{") == UInt8(ascii: "{") else {
            throw RouterError(.configuration, "\(path.printable) holds something else than orders; nothing was changed")
        }
        var records: [String: OrderRecord] = [:]
        var order: [String] = []
        let lines = bytes.split(separator: 0x0A)
        for line in lines {
            guard var record = try? JSONDecoder().decode(OrderRecord.self, from: Data(line)) else { continue }
            // Its process has ended: the answer will come to nobody.
            if record.state == .placing { record.state = .unknown }
            if records.updateValue(record, forKey: record.reference) == nil { order.append(record.reference) }
        }
        return (records, order, lines.count)
    }

    private static func line(_ record: OrderRecord) -> [UInt8]? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(record)).map { Array($0) + [0x0A] }
    }

    /// Puts a record on the disk; only then it holds.
    func write(_ record: OrderRecord) throws(ProviderError) {
        let now = SystemClock.unix()
        let problem = try state.withLock { (state) throws(ProviderError) -> String? in
            if record.state == .placing, state.refusal(record.quotedDollars ?? .infinity, limits, at: now) != nil {
                throw .budget
            }
            guard path != nil else {
                state.put(record)
                state.shorten(to: Self.mostRemembered)
                return nil
            }
            guard let line = Self.line(record) else { return "the order cannot be written down" }
            let bytes = (state.isTorn ? [0x0A] : []) + line
            guard FileBytes.write(bytes, to: state.descriptor), fsync(state.descriptor) == 0 else {
                state.isTorn = true
                return SystemError.text(errno)
            }
            state.isTorn = false
            state.put(record)
            return nil
        }
        if let problem { throw .local("the book of orders \((path ?? "").printable) cannot be written: \(problem)") }
    }

    /// The same where the cloud has been told already: what cannot be written is remembered at least.
    func note(_ record: OrderRecord) {
        do throws(ProviderError) {
            try write(record)
        } catch {
            state.withLock { $0.put(record) }
        }
    }

    /// Notes where a finished clip was taken, so that another can go on from it.
    package func moved(_ path: String, to place: String) {
        guard var record = all({ $0.path == path && $0.state == .done }).last else { return }
        record.moved = MovedClip(place)
        note(record)
    }

    /// Takes the first of these tickets that no other order of the account owns.
    func claim(_ record: OrderRecord, _ tickets: [CloudTicket]) -> OrderRecord? {
        let claimed = state.withLock { state -> OrderRecord? in
            let owned = Set(
                state.records.values.filter { $0.account == record.account }.compactMap { $0.ticket?.id })
            // Somebody else with the same words may be about to get one of them.
            let isDisputed = state.records.values.contains {
                $0.reference != record.reference && $0.account == record.account && $0.prompt == record.prompt
                    && $0.state == .placing
            }
            guard !isDisputed, let ticket = tickets.first(where: { !owned.contains($0.id) }) else { return nil }
            var record = record
            (record.ticket, record.state) = (ticket, .placed)
            state.put(record)
            return record
        }
        if let claimed { note(claimed) }
        return claimed
    }

    private func all(_ isWanted: (OrderRecord) -> Bool) -> [OrderRecord] {
        state.withLock { state in state.order.compactMap { state.records[$0] }.filter(isWanted) }
    }

    /// The last order of a request at a provider.
    func latest(_ provider: String, _ request: VideoRequest.ID) -> OrderRecord? {
        of(request).last { $0.provider == provider && $0.request == request }
    }

    /// Those of a request and of its variants, the oldest first.
    private func of(_ request: VideoRequest.ID) -> [OrderRecord] { state.withLock { $0.of(request: request) } }

    /// Orders of a request and of its variants that may still bring a clip.
    func open(of request: VideoRequest.ID, where isWanted: (OrderRecord) -> Bool) -> [OrderRecord] {
        of(request).filter { $0.isOpen && isWanted($0) }
    }

    func open(at provider: String) -> [OrderRecord] { all { $0.provider == provider && $0.isOpen } }

    /// The last order of a request, or of a variant of it, that brought a clip.
    func finished(_ request: VideoRequest.ID) -> OrderRecord? {
        of(request).last { $0.state == .done }
    }

    /// Orders of a request that are over, but for those that never were.
    func endedCount(_ provider: String, _ request: VideoRequest.ID) -> Int {
        of(request).count { $0.provider == provider && $0.request == request && !$0.isOpen && $0.state != .refused }
    }

    func hasClip(of request: VideoRequest.ID, at provider: String) -> Bool {
        of(request).contains { $0.provider == provider && $0.state == .done }
    }

    /// What a request has cost at a provider so far; nil where nothing was ordered.
    func dollars(_ provider: String, _ request: VideoRequest.ID) -> Double? {
        let orders = of(request).filter { $0.provider == provider && $0.request == request }
        return orders.isEmpty ? nil : orders.reduce(0) { $0 + $1.charge }
    }

    /// Seconds from order to clip of the last orders that came, the shortest first.
    func times(_ provider: String, last count: Int) -> [Double] {
        state.withLock { $0.done(provider, last: count) }
            .compactMap { record in record.endedAt.map { max($0 - record.placedAt, 0) } }.sorted()
    }
}

extension OrderBook {
    /// What all orders together have cost, or may have.
    public var totalDollars: Double { all { _ in true }.reduce(0) { $0 + $1.charge } }

    /// Why an order of this price is not placed now; nil where it may be.
    func refusal(_ dollars: Double) -> String? {
        let now = SystemClock.unix()
        return state.withLock { $0.refusal(dollars, limits, at: now) }
    }

    /// What became of each order of a request, and what it costs.
    func ends(of request: VideoRequest.ID) -> [String] {
        of(request).compactMap { record in
            let price = "\(ProviderOffer.text(record.charge)) $"
            return switch record.state {
            case .cancelled: "the order at \(record.provider) was stopped, it costs \(price)"
            case .abandoned: "\(record.provider) stops no order, it costs \(price)"
            case .placing, .unknown, .placed:
                "the order at \(record.provider) may still be worked on, it costs \(price)"
            case .refused: nil
            case .done, .failed, .lost: "the order at \(record.provider) had ended, it costs \(price)"
            }
        }
    }

    /// What orders of the last seconds have cost, or may have.
    func spent(inLast seconds: Double) -> Double {
        let now = SystemClock.unix()
        return state.withLock { $0.spent(inLast: seconds, at: now) }
    }

    /// What has been ordered at each provider in the last 90 days, and what is under way.
    package var spending: [OrderSpending] {
        Dictionary(grouping: all { _ in true }, by: \.provider).map { provider, records in
            OrderSpending(
                provider: provider, orders: records.count, open: records.count { $0.isOpen },
                unknown: records.count { $0.isUnknown }, dollars: records.reduce(0) { $0 + $1.charge })
        }.sorted { $0.provider < $1.provider }
    }

    /// Orders that may still bring a clip.
    public var openCount: Int { all(\.isOpen).count }

    /// Every order, the oldest first: for those who compare it with what the clouds say.
    package var summary: [JSONText] {
        all { _ in true }.map { record in
            .object([
                ("reference", .string(record.reference)), ("provider", .string(record.provider)),
                ("request", .string(record.request)), ("state", .string(record.state.rawValue)),
                ("ticket", record.ticket.map { .string($0.id) } ?? .null), ("charge", .number(record.charge)),
                ("quoted_dollars", record.quotedDollars.map(JSONText.number) ?? .null),
                ("reported_dollars", record.reportedDollars.map(JSONText.number) ?? .null),
            ])
        }
    }
}

extension OrderBook.State {
    fileprivate func refusal(_ dollars: Double, _ limits: SpendingLimits, at now: Double) -> String? {
        limits.refusal(dollars) { spent(inLast: $0, at: now) }
    }

    fileprivate func spent(inLast seconds: Double, at now: Double) -> Double {
        records.values.reduce(0) { $0 + ($1.placedAt > now - seconds ? $1.charge : 0) }
    }
}

/// What orders at one provider came to.
package struct OrderSpending: Sendable, Hashable {
    package let provider: String
    package let orders: Int
    package let open: Int
    /// Of those, the ones of which nobody knows whether the cloud has them.
    package let unknown: Int
    package let dollars: Double
}
