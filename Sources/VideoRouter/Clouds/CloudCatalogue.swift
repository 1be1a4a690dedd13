import Glibc
import StrictJSON
import VideoTypes

/// Which clouds there are, and under what names their own clients look for a key.
enum CloudCatalogue {
    struct Entry: Sendable {
        let cloud: any Cloud
        let keyVariable: String
        /// Whether the key is a token that somebody has to renew.
        var keepsKeyFresh = false
    }

    static func cloud(_ options: CloudOptions) throws(RouterError) -> Entry {
        switch options.cloud {
        case "openai": Entry(cloud: OpenAICloud(), keyVariable: "OPENAI_API_KEY")
        case "gemini": Entry(cloud: GeminiCloud(), keyVariable: "GEMINI_API_KEY")
        case "omni": Entry(cloud: OmniCloud(), keyVariable: "GEMINI_API_KEY")
        case "vertex":
            Entry(cloud: try vertex(options), keyVariable: "GOOGLE_OAUTH_ACCESS_TOKEN", keepsKeyFresh: true)
        case "runway": Entry(cloud: RunwayCloud(), keyVariable: "RUNWAYML_API_SECRET")
        case "fal": Entry(cloud: FalCloud(), keyVariable: "FAL_KEY")
        case "minimax": Entry(cloud: MiniMaxCloud(), keyVariable: "MINIMAX_API_KEY")
        case "kling": Entry(cloud: KlingCloud(), keyVariable: "KLING_API_KEY")
        case "replicate": Entry(cloud: ReplicateCloud(), keyVariable: "REPLICATE_API_TOKEN")
        case "luma": Entry(cloud: LumaCloud(), keyVariable: "LUMAAI_API_KEY")
        case "luma-agents": Entry(cloud: LumaAgentsCloud(), keyVariable: "LUMA_AGENTS_API_KEY")
        case "together": Entry(cloud: TogetherCloud(), keyVariable: "TOGETHER_API_KEY")
        default:
            throw RouterError(
                .configuration,
                "there is no cloud '\(options.cloud.printable)'; there are: "
                    + CloudNames.all.sorted().joined(separator: ", "))
        }
    }

    private static func vertex(_ options: CloudOptions) throws(RouterError) -> VertexCloud {
        guard let project = options.project, let location = options.location, isName(project), isName(location) else {
            throw RouterError(
                .configuration,
                "vertex: a project and a location are needed, of letters, digits and hyphens, like us-central1")
        }
        return VertexCloud(project: project, location: location)
    }

    /// They become part of a host's name and of a path.
    private static func isName(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "-")
            }
    }
}
