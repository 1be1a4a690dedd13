import HTTPClient
import StrictJSON
import VideoTypes

/// fal's queue: one way to order for all models, each with fields of its own.
struct FalCloud: Cloud {
    let name = "fal"
    let address = "https://queue.fal.run"
    let keyScheme = CloudKeyScheme.authorization(word: "Key")
    /// Its queue tries again by itself, at its own expense; what ours does not know of may not be made.
    let pollSeconds = 1.0
    let models = Self.catalogue

    func submit(_ order: CloudOrder) throws(ProviderError) -> CloudCall {
        let fields = order.model.fields
        // Either words for all of it, or for each shot.
        let shots = order.shots.map { shot in
            JSONText.object([("prompt", .string(shot.prompt)), ("duration", .string("\(shot.seconds)"))])
        }
        var members: [(String, JSONText?)] = [
            ("prompt", shots.isEmpty ? .string(order.prompt) : nil),
            ("multi_prompt", shots.isEmpty ? nil : .array(shots)),
            ("shot_type", shots.isEmpty ? nil : "customize"),
            ("negative_prompt", JSONText.optional(order.negativePrompt)), ("seed", order.smallSeed),
        ]
        if let name = fields.seconds { members.append((name, fields.secondsStyle.write(order.seconds))) }
        if let name = fields.resolution { members.append((name, .string(order.format.name))) }
        if let name = fields.ratio, !(order.hasPictures && order.model.pictures.giveRatio) {
            members.append((name, .string(order.ratio.description)))
        }
        // Sound is on unless it is said that it is not, and costs more.
        if let name = fields.sound { members.append((name, .bool(order.hasSound))) }
        if let name = fields.first, let picture = order.first { members.append((name, .string(picture.dataURI))) }
        if let name = fields.last, let picture = order.last { members.append((name, .string(picture.dataURI))) }
        return .post("/" + order.wire, order.withExtras(members))
    }

    func ticket(_ answer: CloudAnswer, _ order: CloudOrder) -> CloudTicket? {
        var places: [String: String] = [:]
        for name in ["status_url", "response_url", "cancel_url"] {
            guard let address = answer.text(name) else { return nil }
            places[name] = address
        }
        return CloudTicket(answer.text("request_id"), places: places)
    }

    func refusal(_ answer: CloudAnswer) -> ProviderError? {
        guard !answer.isSuccess else { return nil }
        let first = answer.value("detail", "0")
        let place = first?.value(at: ["loc"])?.elements.last?.plainText
        let kind = first?.value(at: ["type"])?.plainText ?? answer.text("error_type") ?? ""
        let refusal = CloudRefusal(
            answer, message: first?.value(at: ["msg"])?.plainText ?? answer.text("detail"), code: kind,
            parameter: place)
        if answer.status == 403, refusal.message.lowercased().contains("balance") {
            return .quota(retryAfterSeconds: CloudRefusal.moneyPauseSeconds)
        }
        return switch kind {
        case "request_timeout", "startup_timeout": .timeout(refusal.message)
        case "runner_scheduling_failure": .capacity(retryAfterSeconds: refusal.retryAfterSeconds)
        default: refusal.providerError
        }
    }

    func look(_ ticket: CloudTicket) -> CloudCall {
        CloudCall(.get, (ticket.places["status_url"] ?? "") + "?logs=0")
    }

    func state(_ answer: CloudAnswer, _ ticket: CloudTicket) -> CloudState {
        if answer.isSuccess, let status = answer.text("status"), answer.value("video") == nil {
            switch status {
            case "IN_QUEUE": return .waiting
            case "IN_PROGRESS": return .working(percent: nil)
            // Which says only that it has ended.
            case "COMPLETED":
                if let kind = answer.text("error_type") {
                    return .failed(Self.platformError(kind, answer.text("error")?.printable ?? kind.printable))
                }
                return .ask(CloudCall(.get, ticket.places["response_url"] ?? ""))
            default: return .unreadable
            }
        }
        if answer.isSuccess, answer.json != nil {
            guard let link = answer.text("video", "url") else {
                return .failed(.corruptOutput("the cloud finished the clip and gave none"))
            }
            return .done(CloudClip(source: .link(link, needsKey: false)))
        }
        return ended(answer)
    }

    /// What the result says of a clip that failed; what the queue itself says is no end.
    private func ended(_ answer: CloudAnswer) -> CloudState {
        if answer.text("error_type") == "client_cancelled" { return .failed(.server("the cloud cancelled the clip")) }
        guard let error = refusal(answer), answer.value("detail", "0", "type") != nil else { return .unreadable }
        return .failed(error)
    }

    private static func platformError(_ kind: String, _ words: String) -> ProviderError {
        switch kind {
        case "request_timeout", "startup_timeout": .timeout(words)
        case "runner_scheduling_failure", "runner_disconnected", "runner_connection_error":
            .capacity(retryAfterSeconds: nil)
        default: .server(words)
        }
    }

    func cancel(_ ticket: CloudTicket) -> CloudCall? { CloudCall(.put, ticket.places["cancel_url"] ?? "") }
}

// What it makes.
extension FalCloud {
    private static let catalogue: [CloudModel] = [
        kling("standard", 720, .standard), kling("pro", 1080, .premium), veo("veo-3.1", "", .premium),
        veo("veo-3.1-fast", "/fast", .standard), wan, seedance, hailuo, ltx("", 6...10, .standard),
        ltx("-fast", 6...20, .draft),
    ]

    private static func format(_ name: String, _ side: Int, _ lengths: [Int]? = nil) -> CloudModel.Format {
        CloudModel.Format(name: name, side: side, lengths: lengths)
    }

    private static func kling(_ kind: String, _ side: Int, _ quality: Quality) -> CloudModel {
        let path = "fal-ai/kling-video/v3/\(kind)/"
        var model = CloudModel(
            id: "kling-v3-\(kind)", wire: path + "text-to-video", pictureWire: path + "image-to-video",
            lengths: .whole(3...15), formats: [format("\(side)p", side)], ratios: [.landscape, .portrait, .square])
        model.sound = .chosen
        model.pictures = .init(takesFirst: true, takesLast: true, maxBytes: 10 << 20, giveRatio: true)
        model.promptLimit = .init(count: 2500, unit: .characters)
        model.takes = [.negativePrompt]
        model.mostShots = 6
        model.extras = ["cfg_scale"]
        model.qualities = [quality]
        model.fields = CloudFields(
            secondsStyle: .text, ratio: "aspect_ratio", sound: "generate_audio", first: "start_image_url",
            last: "end_image_url")
        return model
    }

    private static func veo(_ id: String, _ ending: String, _ quality: Quality) -> CloudModel {
        let path = "fal-ai/veo3.1" + ending
        var model = CloudModel(
            id: id, wire: path, pictureWire: path + "/image-to-video", lengths: .listed([8, 4, 6]),
            formats: [format("720p", 720), format("1080p", 1080)])
        model.sound = .chosen
        model.pictures = .init(takesFirst: true, maxBytes: 8 << 20)
        model.takes = [.negativePrompt, .seed]
        model.qualities = [quality]
        model.fields = CloudFields(
            secondsStyle: .suffixed, resolution: "resolution", ratio: "aspect_ratio", sound: "generate_audio",
            first: "image_url")
        return model
    }

    private static let wan: CloudModel = {
        var model = CloudModel(
            id: "wan-2.6", wire: "fal-ai/wan/v2.6/text-to-video", lengths: .listed([5, 10, 15]),
            formats: [format("720p", 720), format("1080p", 1080)],
            ratios: [
                .landscape, .portrait, .square, AspectRatio(width: 4, height: 3), AspectRatio(width: 3, height: 4),
            ])
        // It may speak, and there is no field that says no.
        model.sound = .always
        model.takes = [.negativePrompt, .seed]
        model.extras = ["enable_prompt_expansion", "enable_safety_checker"]
        model.fields = CloudFields(secondsStyle: .text, resolution: "resolution", ratio: "aspect_ratio")
        return model
    }()

    private static let seedance: CloudModel = {
        var model = CloudModel(
            id: "seedance-2.0", wire: "bytedance/seedance-2.0/text-to-video", lengths: .whole(4...15),
            formats: [format("720p", 720), format("480p", 480), format("1080p", 1080), format("4k", 2160)],
            ratios: [
                .landscape, .portrait, .square, AspectRatio(width: 4, height: 3), AspectRatio(width: 3, height: 4),
                AspectRatio(width: 21, height: 9),
            ])
        model.sound = .chosen
        model.takes = [.seed]
        model.qualities = [.premium]
        model.fields = CloudFields(
            secondsStyle: .text, resolution: "resolution", ratio: "aspect_ratio", sound: "generate_audio")
        return model
    }()

    private static let hailuo: CloudModel = {
        var model = CloudModel(
            id: "hailuo-2.3", wire: "fal-ai/minimax/hailuo-2.3/standard/text-to-video",
            pictureWire: "fal-ai/minimax/hailuo-2.3/standard/image-to-video", lengths: .listed([6, 10]),
            formats: [CloudModel.Format(name: "768P", side: 768)], ratios: [.landscape])
        model.pictures = .init(takesFirst: true, maxBytes: 20 << 20, giveRatio: true)
        model.promptLimit = .init(count: 2000, unit: .characters)
        model.extras = ["prompt_optimizer"]
        model.fields = CloudFields(secondsStyle: .text, first: "image_url")
        return model
    }()

    private static func ltx(_ kind: String, _ lengths: ClosedRange<Int>, _ quality: Quality) -> CloudModel {
        let even = lengths.filter { $0 % 2 == 0 }
        let ending = kind.isEmpty ? "" : "/fast"
        var model = CloudModel(
            id: "ltx-2\(kind)", wire: "fal-ai/ltx-2/text-to-video\(ending)",
            pictureWire: "fal-ai/ltx-2/image-to-video\(ending)", lengths: .listed(even),
            formats: [
                format("1080p", 1080), format("1440p", 1440, even.filter { $0 <= 10 }),
                format("2160p", 2160, even.filter { $0 <= 10 }),
            ], ratios: [.landscape])
        model.sound = .chosen
        model.pictures = .init(takesFirst: true, maxBytes: 8 << 20)
        model.qualities = [quality]
        model.fields = CloudFields(
            resolution: "resolution", ratio: "aspect_ratio", sound: "generate_audio", first: "image_url")
        return model
    }
}
