/// What a caller asks of the router for one request.
public struct RoutingOptions: Sendable, Hashable {
    /// Only this provider may serve it; nil for any.
    public var provider: String?
    /// Only this model may serve it; nil for any.
    public var model: String?
    /// Whether a clip that cannot be there in time may be promised for later.
    public var allowsPromise: Bool

    public init(provider: String? = nil, model: String? = nil, allowsPromise: Bool = true) {
        self.provider = provider
        self.model = model
        self.allowsPromise = allowsPromise
    }
}
