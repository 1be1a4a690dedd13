import Media
import VideoTypes

/// A provider that orders its clips from somebody: a model of a cloud, a server.
protocol OrderingProvider: VideoProvider {
    var desk: CloudAccount { get }
    /// By the digests of requests.
    var flights: FlightBoard<String> { get }
    /// Whether orders are paid: then nobody else is asked while one may be under way here.
    var isCharged: Bool { get }
    /// As the other side names the model; nil where it is left to it.
    var wire: String? { get }

    /// The order of a request, or why there can be none.
    func purchase(_ request: VideoRequest, reference: String) async throws(ProviderError) -> Purchase
    /// What a clip costs, where that is known only of the file; nil for what was quoted.
    func dollars(_ facts: ClipFacts) -> Double?
    /// What else is worth knowing of an order.
    func notes(_ record: OrderRecord) -> [String: JSONText]
}

/// An order that is ready to be placed.
struct Purchase: Sendable {
    let call: CloudCall
    let ticket: @Sendable (CloudAnswer) -> CloudTicket?
    let model: String
    let seconds: Int
    /// nil where nobody told.
    let quotedDollars: Double?
    /// Whether it is one order however often it is placed under its reference.
    var isRepeatable = false
    /// nil where the clip goes on from none.
    var continuation: Continuation?
}

extension OrderingProvider {
    /// The clip of a request: ordered, or taken up where an earlier call or process left it.
    func ordered(
        _ request: VideoRequest, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(ProviderError) -> VideoResult {
        let digest = try OrderRecord.digest(request)
        return try await flights.clip(of: request.id, digest, progress: progress) { [self] flight in
            await CloudErrand(self, flight, request.maxLatencySeconds).run(request, digest)
        }
    }

    /// Whether an order of a request, or of a variant of it, may still bring a clip.
    func isOpen(_ id: VideoRequest.ID) -> Bool { !desk.book.open(of: id) { $0.provider == name }.isEmpty }

    /// Takes up every order that an earlier process left open.
    func resumed() async -> [VideoRequest.ID: Result<VideoResult, ProviderError>] {
        await withTaskGroup(of: (VideoRequest.ID, RemoteFlight.Outcome)?.self) { group in
            for record in desk.book.open(at: name) {
                let outcome = flights.begin(record.request, record.digest) { [self] flight in
                    await CloudErrand(self, flight, nil).resume(record)
                }
                guard let outcome else { continue }
                group.addTask { (record.request, await outcome()) }
            }
            var results: [VideoRequest.ID: Result<VideoResult, ProviderError>] = [:]
            for await case (let id, let outcome)? in group { results[id] = outcome }
            return results
        }
    }
}
