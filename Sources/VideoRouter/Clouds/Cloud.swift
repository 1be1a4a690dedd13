import VideoTypes

/// How one cloud's API says things: values in, calls out.
///
/// Nothing here calls anybody; `CloudErrand` does, the same way for all.
protocol Cloud: Sendable {
    /// As a configuration and `extras` name it.
    var name: String { get }
    /// Where it is, unless the configuration says another place.
    var address: String { get }
    var keyScheme: CloudKeyScheme { get }
    /// Sent with every call.
    var headers: [String: String] { get }
    var models: [CloudModel] { get }
    /// The least time between two looks at one order.
    var pollSeconds: Double { get }
    /// Whether an order that was stopped while it waited costs nothing.
    var waitsForFree: Bool { get }

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall
    /// What the order is called from now on; nil where the answer does not tell.
    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket?
    /// Why an answer is a refusal; nil where it is none.
    func refusal(_ answer: CloudAnswer) -> ProviderError?
    func look(_ ticket: CloudTicket) -> CloudCall
    /// When the cloud wants to be asked again, in seconds; nil where it does not say.
    func pause(_ answer: CloudAnswer) -> Double?
    /// - Parameter answer: to a look, or to what the last state said to ask.
    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState
    /// nil where the cloud stops nothing.
    func cancel(_ ticket: CloudTicket) -> CloudCall?
    /// Asks for an order whose answer was lost; nil where there is no way.
    func search(_ lost: LostOrder) -> CloudCall?
    func found(_ answer: CloudAnswer, _ lost: LostOrder) -> CloudSearch
    /// A call that shows whether the cloud answers and takes the key; nil where there is none that costs nothing.
    var check: CloudCall? { get }
}

extension Cloud {
    var headers: [String: String] { [:] }
    var pollSeconds: Double { 2 }
    var waitsForFree: Bool { false }
    var check: CloudCall? { nil }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        answer.isSuccess ? nil : CloudRefusal(answer).providerError
    }

    func pause(_ answer: CloudAnswer) -> Double? { nil }

    func cancel(_ ticket: CloudTicket) -> CloudCall? { nil }

    func search(_ lost: LostOrder) -> CloudCall? { nil }

    func found(_ answer: CloudAnswer, _ lost: LostOrder) -> CloudSearch { .unknown }

    func model(_ id: String) -> CloudModel? { models.first { $0.id == id } }
}

/// What has become of an order.
enum CloudState: Sendable, Equatable {
    case waiting
    /// 0 to 100 where the cloud tells.
    case working(percent: Int?)
    /// The same, to the step.
    case step(VideoProgress)
    /// The answer to this call tells.
    case ask(CloudCall)
    case done(CloudClip)
    case failed(ProviderError)
    /// The answer cannot be read.
    case unreadable
}

/// A clip that is ready to be fetched.
struct CloudClip: Sendable, Equatable {
    let source: Source
    /// What the cloud says that it charged.
    var dollars: Double?
    /// Which model made it, where that is said only then.
    var model: String?
    /// What is worth keeping of what is said of the clip.
    var notes: [String: JSONText] = [:]

    enum Source: Sendable, Equatable {
        /// - Parameter needsKey: at the cloud's own host; never where that sends on.
        case link(String, needsKey: Bool)
        /// The file itself as base64.
        case base64(String)
    }
}

/// An order of which nobody knows whether it arrived.
struct LostOrder: Sendable, Hashable {
    /// As the cloud names the model; nil where it was left to the cloud.
    let wire: String?
    let prompt: String
    /// Our own name for it.
    let reference: String
    /// Seconds since 1970.
    let placedAt: Double

    /// Whether an order in a list can be this one, by its prompt and its time.
    func fits(prompt other: String?, secondsSince1970: Double?) -> Bool {
        guard let other, other == prompt else { return false }
        // Clocks differ a little; the cloud's may be cut to whole seconds.
        guard let seconds = secondsSince1970 else { return true }
        return (placedAt - 90...placedAt + 600).contains(seconds)
    }
}

/// What a search for a lost order brought.
enum CloudSearch: Sendable, Equatable {
    /// The newest first: any of them that no other order of ours owns.
    case candidates([CloudTicket])
    /// The cloud knows every order by our name, and not this one.
    case neverArrived
    case unknown
}
