import HTTPClient
import StrictJSON
import VideoTypes

/// What Google's services refuse with: a status in words, and the wait in the body.
enum GoogleRefusal {
    static func error(_ answer: CloudAnswer) -> ProviderError {
        var refusal = CloudRefusal(answer)
        let message = refusal.message.lowercased()
        refusal.retryAfterSeconds = retryDelay(answer) ?? refusal.retryAfterSeconds
        let reasons =
            answer.value("error", "details")?.elements.compactMap { $0.value(at: ["reason"])?.plainText } ?? []
        if reasons.contains("API_KEY_INVALID") { return .authentication("the cloud refuses the key") }
        if answer.status == 400, isPolicy(message) { return .contentPolicy(refusal.message) }
        if answer.status == 429, ["credit", "billing", "prepay"].contains(where: message.contains) {
            return .quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds)
        }
        return refusal.providerError
    }

    /// "37s", among the details.
    private static func retryDelay(_ answer: CloudAnswer) -> Double? {
        let delays = answer.value("error", "details")?.elements.compactMap { $0.value(at: ["retryDelay"])?.plainText }
        guard let text = delays?.first, text.hasSuffix("s"), let seconds = Double(text.dropLast()), seconds.isFinite
        else { return nil }
        return min(max(seconds, 0), 86_400)
    }

    /// An operation's own error, by the codes of gRPC.
    static func error(code: Int, _ words: String?) -> ProviderError {
        let text = words?.printable ?? "the operation failed with code \(code)"
        switch code {
        case 1: return .server("the cloud cancelled the clip")
        case 3 where isPolicy(text.lowercased()): return .contentPolicy(text)
        case 3: return .badRequest(text, parameter: nil)
        case 4: return .timeout(text)
        case 8, 14: return .capacity(retryAfterSeconds: nil)
        default: return .server(text)
        }
    }

    private static func isPolicy(_ text: String) -> Bool {
        ["usage guidelines", "support code", "safety", "responsible ai"].contains { text.contains($0) }
    }
}

/// Veo's order and operation, which the Gemini API and Vertex AI write alike.
enum VeoForm {
    static func body(_ order: CloudOrder, sound: JSONText?, seed: JSONText?) -> CloudCall.Body {
        let references = order.references.map { picture in
            JSONText.object([("image", image(picture)), ("referenceType", "ASSET")])
        }
        let instance: [(String, JSONText?)] = [
            ("prompt", .string(order.prompt)), ("image", order.first.map(image)), ("lastFrame", order.last.map(image)),
            ("referenceImages", references.isEmpty ? nil : .array(references)),
        ]
        let parameters: [(String, JSONText?)] = order.withExtras([
            ("aspectRatio", .string(order.ratio.description)), ("durationSeconds", .integer(order.seconds)),
            ("resolution", .string(order.format.name)), ("sampleCount", 1),
            ("negativePrompt", JSONText.optional(order.negativePrompt)), ("generateAudio", sound), ("seed", seed),
        ])
        return .json(
            .object([("instances", .array([.members(instance)])), ("parameters", JSONText.members(parameters))]))
    }

    private static func image(_ picture: ReferenceImage) -> JSONText {
        .object([
            ("bytesBase64Encoded", .string(Base64.encode(picture.bytes))),
            ("mimeType", .string(picture.format.mediaType)),
        ])
    }

    /// The state but for what a finished operation made.
    static func state(_ answer: CloudAnswer, made: (CloudAnswer) -> CloudClip?) -> CloudState {
        guard answer.isSuccess, answer.text("name") != nil else { return .unreadable }
        guard answer.value("done") == .bool(true) else { return .working(percent: nil) }
        if let code = answer.number("error", "code") {
            return .failed(GoogleRefusal.error(code: Int(min(max(code, 0), 1000)), answer.text("error", "message")))
        }
        if let clip = made(answer) { return .done(clip) }
        let reasons =
            answer.value("response", "generateVideoResponse", "raiMediaFilteredReasons")
            ?? answer.value("response", "raiMediaFilteredReasons")
        if let reason = reasons?.elements.first?.plainText { return .failed(.contentPolicy(reason.printable)) }
        return .failed(.corruptOutput("the cloud finished the clip and gave none"))
    }

    /// The three of Veo 3.1; what differs is given.
    static func models(_ ending: String, retiresOn: CalendarDay?, _ change: (inout CloudModel) -> Void) -> [CloudModel]
    {
        let kinds: [(String, Quality)] = [("", .premium), ("-fast", .standard), ("-lite", .draft)]
        return kinds.map { kind, quality in
            let id = "veo-3.1\(kind)-generate-\(ending)"
            var formats = [
                CloudModel.Format(name: "720p", side: 720), CloudModel.Format(name: "1080p", side: 1080, lengths: [8]),
            ]
            if kind != "-lite" { formats.append(CloudModel.Format(name: "4k", side: 2160, lengths: [8])) }
            var model = CloudModel(id: id, wire: id, lengths: .listed([8, 4, 6]), formats: formats)
            model.pictures = CloudModel.Pictures(
                takesFirst: true, takesLast: true, references: 3, referenceLengths: [8], maxBytes: 20 << 20)
            model.takes = [.negativePrompt]
            model.extras = ["personGeneration", "enhancePrompt"]
            model.qualities = [quality]
            model.retiresOn = retiresOn
            change(&model)
            return model
        }
    }
}
