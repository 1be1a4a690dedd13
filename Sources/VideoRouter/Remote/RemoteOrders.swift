import VideoTypes

/// What has been ordered from one server: a repeated request finds its clip again, and what it cost is known.
struct RemoteOrders {
    private struct Order {
        let request: VideoRequest
        /// What the server calls the clip; nil once nobody will ask for it again.
        var video: String?
        var dollars: Double?
        let number: Int
    }

    /// The oldest are forgotten first.
    static let limit = 1024

    private var orders: [VideoRequest.ID: Order] = [:]
    private var next = 0

    /// - Parameter dollars: what it will cost; nil where only the server knows.
    mutating func placed(_ request: VideoRequest, _ video: String, dollars: Double?) {
        next += 1
        orders[request.id] = Order(request: request, video: video, dollars: dollars, number: next)
        guard orders.count > Self.limit, let oldest = orders.min(by: { $0.value.number < $1.value.number }) else {
            return
        }
        orders[oldest.key] = nil
    }

    /// The clip of this request under way; throws where the id is another request's.
    func video(of request: VideoRequest) throws(ProviderError) -> String? {
        guard let order = orders[request.id], let video = order.video else { return nil }
        guard request.withoutLimits == order.request.withoutLimits else { throw .idInUse }
        return video
    }

    /// Whether the clip only has to be fetched: it is paid for.
    func isOpen(_ request: VideoRequest) -> Bool {
        guard let order = orders[request.id], order.video != nil else { return false }
        return request.withoutLimits == order.request.withoutLimits
    }

    mutating func costs(_ id: VideoRequest.ID, _ dollars: Double) { orders[id]?.dollars = dollars }

    func dollars(_ id: VideoRequest.ID) -> Double? { orders[id]?.dollars }

    /// The clip is given up: who asks again orders again, and what it cost stays.
    mutating func close(_ id: VideoRequest.ID) { orders[id]?.video = nil }

    /// The clip is here, or the server has made nothing.
    mutating func forget(_ id: VideoRequest.ID) { orders[id] = nil }
}

extension VideoRequest {
    /// Equal in two requests that ask for the same clip, whatever each may cost and take.
    var withoutLimits: VideoRequest {
        var request = self
        (request.maxCostDollars, request.maxLatencySeconds, request.traceParent) = (nil, nil, nil)
        return request
    }
}
