import HTTPClient
import VideoTypes

/// Veo by Vertex AI; the clip comes inside the answer.
struct VertexCloud: Cloud {
    let name = "vertex"
    let address: String
    let keyScheme = CloudKeyScheme.authorization(word: "Bearer")
    let pollSeconds = 10.0
    private let folder: String

    private static let maxAnswerBytes = 192 << 20

    /// The day is the catalogue's, for the ids of the general release.
    let models = VeoForm.models("001", retiresOn: CalendarDay("2026-11-17")) { model in
        model.sound = .chosen
        model.takes.insert(.seed)
        model.extras.formUnion(["compressionQuality", "resizeMode"])
    }

    init(project: String, location: String) {
        address = "https://\(location)-aiplatform.googleapis.com"
        folder = "projects/\(project)/locations/\(location)/publishers/google/models/"
    }

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        CloudCall(
            .post, "/v1/\(folder)\(order.wire):predictLongRunning",
            VeoForm.body(order, sound: .bool(order.hasSound), seed: order.smallSeed))
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? {
        let start = "\(folder)\(order.wire)/operations/"
        guard let name = answer.text("name"), name.hasPrefix(start) else { return nil }
        return CloudTicket(String(name.dropFirst(start.count)), places: ["model": order.wire])
    }

    func refusal(_ answer: CloudAnswer) -> ProviderError? { answer.isSuccess ? nil : GoogleRefusal.error(answer) }

    func look(_ ticket: CloudTicket) -> CloudCall {
        let model = folder + (ticket.places["model"] ?? "")
        var call = CloudCall.post(
            "/v1/\(model):fetchPredictOperation", [("operationName", .string("\(model)/operations/\(ticket.id)"))])
        call.maxBytes = Self.maxAnswerBytes
        return call
    }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        VeoForm.state(answer) { answer in
            answer.text("response", "videos", "0", "bytesBase64Encoded").map { CloudClip(source: .base64($0)) }
        }
    }
}
