import StrictJSON

/// A model of each cloud that there is a fake of, and how it is ordered there.
package struct CloudOffer: Sendable {
    package let cloud: String
    package let model: String
    /// A length that it makes.
    package let seconds: Int
    /// How the target of an order ends.
    package let target: String
    /// What the fake puts in front of its paths.
    package var path = ""

    /// Of the provider, as a configuration calls it by itself.
    package var name: String { "\(cloud)/\(model)" }

    package static let all = [
        CloudOffer(cloud: "openai", model: "sora-2", seconds: 4, target: "/v1/videos", path: "/v1"),
        CloudOffer(
            cloud: "gemini", model: "veo-3.1-fast-generate-preview", seconds: 8,
            target: "/v1beta/models/veo-3.1-fast-generate-preview:predictLongRunning"),
        CloudOffer(cloud: "omni", model: "gemini-omni-1.1-flash", seconds: 5, target: "/v1/interactions"),
        CloudOffer(
            cloud: "vertex", model: "veo-3.1-fast-generate-001", seconds: 8,
            target: "/publishers/google/models/veo-3.1-fast-generate-001:predictLongRunning"),
        CloudOffer(cloud: "runway", model: "gen4.5", seconds: 5, target: "/v1/text_to_video"),
        CloudOffer(
            cloud: "fal", model: "kling-v3-pro", seconds: 5, target: "/fal-ai/kling-video/v3/pro/text-to-video"),
        CloudOffer(cloud: "minimax", model: "MiniMax-Hailuo-2.3", seconds: 6, target: "/v1/video_generation"),
        CloudOffer(cloud: "kling", model: "kling-3.0", seconds: 5, target: "/text-to-video/kling-3.0"),
        CloudOffer(
            cloud: "replicate", model: "wan-2.2-t2v-fast", seconds: 5, target: "/wan-2.2-t2v-fast/predictions"),
        CloudOffer(cloud: "luma", model: "ray-2", seconds: 5, target: "/generations/video"),
        CloudOffer(cloud: "luma-agents", model: "ray-3.2", seconds: 5, target: "/generations"),
        CloudOffer(cloud: "together", model: "wan-2.2-t2v", seconds: 5, target: "/v2/videos"),
    ]

    /// Its account, as a router's configuration has it; the key lies beside that in `cloud.key`.
    package func account(_ bed: CloudBed) -> String {
        let place = cloud == "vertex" ? #", "project": "our-project", "location": "us-central1""# : ""
        return """
            {"cloud": "\(cloud)", "models": ["\(model)"], "key": {"file": "cloud.key"}, \
            "url": "\(bed.url(cloud))\(path)", "poll_seconds": 0.03\(place)}
            """
    }

    /// A router's configuration with all of them.
    package static func router(_ bed: CloudBed) -> String {
        let accounts = all.map { $0.account(bed) }.joined(separator: ", ")
        return #"{"folder": "router", "clouds": [\#(accounts)], "policy": {"checks_quality": false}}"#
    }

    /// Targets of the orders that its fake was sent.
    package func orders(_ bed: CloudBed) throws -> [String] {
        try bed.log(cloud).compactMap { call in
            guard case .object(let members) = call, case .string("POST")? = members[Array("method".utf8)],
                case .string(let target)? = members[Array("target".utf8)], target.hasSuffix(self.target)
            else { return nil }
            return target
        }
    }
}
