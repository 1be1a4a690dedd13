import Synchronization
import VideoTypes

/// The clips that a provider has under way, by request: who asks again waits for the same one.
///
/// `Order` is what two requests of one id have in common where they ask for the same clip.
final class FlightBoard<Order: Equatable & Sendable>: Sendable {
    typealias Work = @Sendable (RemoteFlight) async -> RemoteFlight.Outcome

    private let flights = Mutex<[VideoRequest.ID: (order: Order, flight: RemoteFlight)]>([:])

    /// The clip of a request, begun for the first who asks; throws where the id is another order's.
    func clip(
        of id: VideoRequest.ID, _ order: Order, progress: @escaping @Sendable (VideoProgress) -> Void,
        work: @escaping Work
    ) async throws(ProviderError) -> VideoResult {
        while true {
            let (flight, isNew) = try joined(id, order)
            let seat = flight.join(progress)
            if isNew { start(flight, of: id, work) }
            guard let seat else {
                // Being stopped: what comes next is a new clip.
                guard !Task.isCancelled else { throw .cancelled }
                try? await Task.sleep(for: .milliseconds(20))
                continue
            }
            return try await flight.wait(seat).get()
        }
    }

    /// Begins a clip that nobody asks for yet; nil where it is under way.
    func begin(
        _ id: VideoRequest.ID, _ order: Order, work: @escaping Work
    ) -> (@Sendable () async -> RemoteFlight.Outcome)? {
        guard let (flight, isNew) = try? joined(id, order), isNew, let seat = flight.join({ _ in }) else { return nil }
        start(flight, of: id, work)
        return { await flight.wait(seat) }
    }

    func abandon(_ id: VideoRequest.ID) {
        flights.withLock { $0[id]?.flight }?.abandon()
    }

    private func start(_ flight: RemoteFlight, of id: VideoRequest.ID, _ work: @escaping Work) {
        flight.start { [self] flight in
            let outcome = await work(flight)
            flights.withLock { $0[id] = nil }
            return outcome
        }
    }

    private func joined(
        _ id: VideoRequest.ID, _ order: Order
    ) throws(ProviderError) -> (flight: RemoteFlight, isNew: Bool) {
        let found = flights.withLock { flights -> (flight: RemoteFlight, isNew: Bool)? in
            if let known = flights[id] { return known.order == order ? (known.flight, false) : nil }
            let flight = RemoteFlight()
            flights[id] = (order, flight)
            return (flight, true)
        }
        guard let found else { throw .idInUse }
        return found
    }
}
