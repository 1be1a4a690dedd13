import Crypto
import FoundationEssentials
import VideoTypes

/// One order at one cloud, as the book keeps it.
struct OrderRecord: Sendable, Hashable, Codable {
    /// Our own name for the order: 128 random bits.
    let reference: String
    /// Whose key it was placed with.
    let account: String
    let provider: String
    var model: String
    let request: VideoRequest.ID
    /// Of all that the clip is made from: the same id with another digest is another request.
    let digest: String
    /// What a cloud's list is searched for.
    let prompt: String
    let seconds: Int
    /// What it should cost; nil where nobody told.
    let quotedDollars: Double?
    /// Seconds since 1970.
    let placedAt: Double
    /// nil where the clip goes on from none.
    var continuation: Continuation?
    var state = State.placing
    var ticket: CloudTicket?
    /// What it has cost, as far as is known; until then what was quoted.
    var dollars: Double?
    /// What the cloud said that it charged.
    var reportedDollars: Double?
    var endedAt: Double?
    /// Of the finished clip.
    var path: String?
    /// Where it was taken from there.
    var moved: MovedClip?
    /// For people.
    var message: String?

    enum State: String, Sendable, Hashable, Codable {
        /// Written before the call; found after a restart it means the same as unknown.
        case placing
        /// The answer to the order was lost.
        case unknown
        case placed
        case done
        /// The cloud did not take it.
        case refused
        /// The cloud took it and made nothing.
        case failed
        /// Stopped at the cloud.
        case cancelled
        /// Nobody waits for it any more, and the cloud stops nothing.
        case abandoned
        /// Made or not, it cannot be had.
        case lost
    }

    /// Whether a clip may still come of it.
    var isOpen: Bool { [.placing, .unknown, .placed].contains(state) }

    /// Whether nobody knows if the cloud has it.
    var isUnknown: Bool { [.placing, .unknown].contains(state) }

    /// Its request, and where that is a second clip of one ("request.2"), the one itself.
    var requestNames: [VideoRequest.ID] {
        guard let dot = request.lastIndex(of: "."), dot > request.startIndex else { return [request] }
        let number = request[request.index(after: dot)...]
        let isVariant = !number.isEmpty && number.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isVariant ? [request, String(request[..<dot])] : [request]
    }

    /// What it counts against a budget.
    var charge: Double {
        switch state {
        case .refused: 0
        default: dollars ?? quotedDollars ?? 0
        }
    }

    static func randomReference() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let text = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
    }

    /// Of the request without its limits.
    static func digest(_ request: VideoRequest) throws(ProviderError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        // What is no number is refused by its name, later.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let bytes = try? encoder.encode(request.withoutLimits) else {
            throw .local("the request cannot be written down")
        }
        do throws(CryptoError) {
            return try SHA256.hex(Array(bytes))
        } catch {
            throw .local(error.videoError.message)
        }
    }
}

extension VideoRequest {
    /// Equal in two requests that ask for the same clip, whatever each may cost and take.
    var withoutLimits: VideoRequest {
        var request = self
        (request.maxCostDollars, request.maxLatencySeconds, request.traceParent) = (nil, nil, nil)
        return request
    }
}
