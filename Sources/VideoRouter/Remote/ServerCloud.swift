import HTTPClient
import StrictJSON
import VideoTypes

/// OpenAI's video API as servers speak it: SGLang, vLLM-Omni, LiteLLM, and `wan-infer serve`.
struct ServerCloud: Cloud {
    /// The provider's.
    let name: String
    let address: String
    /// What to say of a server that has no API where it was looked for.
    let addressHint: String
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let models: [CloudModel] = []
    let pollSeconds = 1.0
    /// That no words which hold it are passed on; nothing here shows it.
    let key: CloudKey?

    init(_ options: RemoteProviderOptions, at base: WebAddress, key: CloudKey?) {
        name = options.name
        address = base.text
        let hint = base.target.contains("/v1") ? "" : "; the address usually ends in /v1"
        addressHint = "there is no video API at \(base.text)\(hint)"
        self.key = key
    }

    /// It has no models of ours: `RemoteForm` says what it is sent.
    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        throw .badRequest("a server is ordered from by its form", parameter: nil)
    }

    /// - Parameter isOurs: a wan-infer stops clips by a call of its own.
    static func ticket(_ answer: CloudAnswer, isOurs: Bool) -> CloudTicket? {
        guard let video = try? RemoteVideo(answer.http.body, key: nil) else { return nil }
        return CloudTicket(video.id, places: isOurs ? [cancelPlace: "/videos/\(video.id)/cancel"] : [:])
    }

    private static let cancelPlace = "cancel"

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? { Self.ticket(answer, isOurs: false) }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        guard !answer.isSuccess else { return nil }
        let refusal = RemoteRefusal(answer.http, key: key)
        // Without a code of the API's it is not the API that speaks.
        if answer.status == 404, ["", "not_found"].contains(refusal.code) {
            return .badRequest(addressHint, parameter: nil)
        }
        return refusal.providerError
    }

    func pause(_ answer: CloudAnswer) -> Double? { answer.pollSeconds }

    func look(_ ticket: CloudTicket) -> CloudCall { CloudCall(.get, "/videos/\(ticket.id)") }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        guard answer.isSuccess, let video = try? RemoteVideo(answer.http.body, key: key) else { return .unreadable }
        switch video.state {
        case .queued: return .waiting
        case .working: return video.step.map(CloudState.step) ?? .working(percent: video.percent)
        case .failed(let error): return .failed(error)
        case .completed:
            return .done(
                CloudClip(
                    source: .link("/videos/\(ticket.id)/content", needsKey: true), dollars: video.costDollars,
                    model: video.model, notes: video.metadata))
        }
    }

    func cancel(_ ticket: CloudTicket) -> CloudCall? {
        if let place = ticket.places[Self.cancelPlace] { return CloudCall(.post, place) }
        return CloudCall(.delete, "/videos/\(ticket.id)")
    }

    func search(_ lost: LostOrder) -> CloudCall? { OpenAICloud.list }

    func found(_ answer: CloudAnswer, _ lost: LostOrder) -> CloudSearch { OpenAICloud.found(answer, lost) }
}
