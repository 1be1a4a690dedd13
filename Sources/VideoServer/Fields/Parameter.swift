import VideoTypes

/// The fields that a request for a clip may have, under the names that SGLang and vLLM-Omni use too.
enum Parameter: String, CaseIterable {
    case prompt
    case model
    case seconds
    case size
    case inputReference = "input_reference"
    case negativePrompt = "negative_prompt"
    case seed
    case frames = "num_frames"
    case framesPerSecond = "fps"
    case steps = "num_inference_steps"
    case guidanceScale = "guidance_scale"
    case guidanceScale2 = "guidance_scale_2"
    case flowShift = "flow_shift"
    case boundaryRatio = "boundary_ratio"
    case width
    case height
    case resolution
    case aspectRatio = "aspect_ratio"
    case tilesVAE = "vae_tiling"
    case quality
    case sound = "generate_sound"
    case lora
    case priority
    case webhook = "webhook_url"
    case expiresAfter = "expires_after"
    case maxLatency = "max_latency_seconds"
    case maxCost = "max_cost_dollars"
    case metadata
    case dryRun = "dry_run"
    case extras

    /// Other names that people try.
    private static let synonyms: [String: Parameter] = [
        "duration": .seconds, "length": .seconds, "frames": .frames, "video_length": .frames,
        "frame_rate": .framesPerSecond,
        "steps": .steps, "guidance": .guidanceScale, "cfg": .guidanceScale, "cfg_scale": .guidanceScale,
        "shift": .flowShift, "image": .inputReference, "image_url": .inputReference, "reference_url": .inputReference,
        "negative": .negativePrompt, "audio": .sound, "callback_url": .webhook, "webhook": .webhook,
    ]

    /// The known name that somebody who wrote `name` probably meant.
    static func nearest(to name: String) -> Parameter? {
        let name = name.lowercased()
        guard name.utf8.count <= 40 else { return nil }
        if let parameter = synonyms[name] { return parameter }
        let ranked = allCases.map { (parameter: $0, distance: distance(name, $0.rawValue)) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(2, best.parameter.rawValue.utf8.count / 3) ? best.parameter : nil
    }

    /// Letters to insert, remove, replace or swap with their neighbour.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        var before = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var line = [row + 1]
            for (column, other) in right.enumerated() {
                let replaced = last[column] + (byte == other ? 0 : 1)
                var best = min(line[column] + 1, last[column + 1] + 1, replaced)
                if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
                    best = min(best, before[column - 1] + 1)
                }
                line.append(best)
            }
            before = last
            last = line
        }
        return last[right.count]
    }
}

extension Parameter {
    /// The field that a part of a request is here; nil where there is none.
    init?(_ term: Term) {
        switch term {
        case .prompt: self = .prompt
        case .negativePrompt: self = .negativePrompt
        case .duration: self = .seconds
        case .resolution: self = .resolution
        case .aspectRatio: self = .aspectRatio
        // Sides are asked for as one size by most.
        case .size, .width, .height: self = .size
        case .frames: self = .frames
        case .framesPerSecond: self = .framesPerSecond
        case .steps: self = .steps
        case .guidanceScale: self = .guidanceScale
        case .guidanceScale2: self = .guidanceScale2
        case .flowShift: self = .flowShift
        case .seed: self = .seed
        case .tilesVAE: self = .tilesVAE
        case .audio: self = .sound
        case .referenceImages: self = .inputReference
        case .maxCost: self = .maxCost
        case .maxLatency: self = .maxLatency
        case .extras: self = .extras
        case .model: self = .model
        case .scheduler, .sigmas, .device, .dtype, .threads, .stateFolder, .host, .keyFile, .hostNames, .origins,
            .webhookHosts, .localWebhookHosts, .webhookSecretFile, .doctor, .models, .serve:
            return nil
        }
    }
}

extension Vocabulary {
    /// The words of those who order clips: what is the owner's of this machine has no name.
    static let api = Vocabulary { term, value in
        let name =
            switch term {
            case .width: Parameter.width.rawValue
            case .height: Parameter.height.rawValue
            default: Parameter(term)?.rawValue
            }
        return name.map { name in value.map { "\(name) = \($0)" } ?? name }
    }
}
