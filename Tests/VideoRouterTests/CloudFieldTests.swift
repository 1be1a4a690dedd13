import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// The fields that each cloud gets, as its fake saw them.
@Suite(.bounded, .needs("python3", "ffmpeg")) struct CloudFieldTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let picture = ReferenceImage(bytes: Array("a picture".utf8), format: .png)
    private static let last = ReferenceImage(bytes: Array("another".utf8), format: .jpeg, role: .last)
    private static let shown = ReferenceImage(bytes: Array("another".utf8), format: .jpeg, role: .reference)
    private static let base64 = "YSBwaWN0dXJl"
    private static let lastBase64 = "YW5vdGhlcg=="
    private static let uri = "data:image/png;base64,YSBwaWN0dXJl"

    struct Order: Sendable, CustomTestStringConvertible {
        let cloud: String
        let model: String
        let change: @Sendable (inout VideoRequest) -> Void
        /// The last part of the path that was called, and the body as JSON with its keys in order.
        let path: String
        let body: String

        var testDescription: String { "\(cloud) \(model)" }
    }

    private static let orders = words + pictures + stories

    private static let words: [Order] = [
        Order(
            cloud: "gemini", model: "veo-3.1-fast-generate-preview",
            change: {
                ($0.durationSeconds, $0.resolution, $0.aspectRatio, $0.negativePrompt) = (8, .p1080, .portrait, "fog")
            },
            path: "/v1beta/models/veo-3.1-fast-generate-preview:predictLongRunning",
            body: """
                {"instances": [{"prompt": "a ball"}], "parameters": {"aspectRatio": "9:16", "durationSeconds": 8, \
                "negativePrompt": "fog", "resolution": "1080p", "sampleCount": 1}}
                """),
        Order(
            cloud: "vertex", model: "veo-3.1-generate-001",
            change: { ($0.durationSeconds, $0.seed, $0.wantsAudio) = (4, 8_589_934_599, true) },
            path: "/models/veo-3.1-generate-001:predictLongRunning",
            body: """
                {"instances": [{"prompt": "a ball"}], "parameters": {"aspectRatio": "16:9", "durationSeconds": 4, \
                "generateAudio": true, "resolution": "720p", "sampleCount": 1, "seed": 7}}
                """),
        Order(
            cloud: "omni", model: "gemini-omni-1.2-flash", change: { $0.durationSeconds = 12 },
            path: "/v1/interactions",
            body: """
                {"background": true, "input": "a ball", "model": "gemini-omni-1.2-flash", "response_format": \
                {"aspect_ratio": "16:9", "delivery": "uri", "duration": "12s", "resolution": "720p", "type": "video"}}
                """),
        Order(
            cloud: "runway", model: "gen4.5", change: { ($0.seed, $0.aspectRatio) = (7, .portrait) },
            path: "/v1/text_to_video",
            body: #"{"duration": 5, "model": "gen4.5", "promptText": "a ball", "ratio": "720:1280", "seed": 7}"#),
        Order(
            cloud: "fal", model: "kling-v3-pro", change: { ($0.durationSeconds, $0.negativePrompt) = (10, "fog") },
            path: "/fal-ai/kling-video/v3/pro/text-to-video",
            body: """
                {"aspect_ratio": "16:9", "duration": "10", "generate_audio": false, "negative_prompt": "fog", \
                "prompt": "a ball"}
                """),
        Order(
            cloud: "fal", model: "ltx-2-fast", change: { ($0.durationSeconds, $0.wantsAudio) = (20, true) },
            path: "/fal-ai/ltx-2/text-to-video/fast",
            body: """
                {"aspect_ratio": "16:9", "duration": 20, "generate_audio": true, "prompt": "a ball", "resolution": "1080p"}
                """),
        Order(
            cloud: "fal", model: "wan-2.6", change: { ($0.durationSeconds, $0.seed) = (15, 3) },
            path: "/fal-ai/wan/v2.6/text-to-video",
            body: """
                {"aspect_ratio": "16:9", "duration": "15", "prompt": "a ball", "resolution": "720p", "seed": 3}
                """),
        Order(
            cloud: "fal", model: "seedance-2.0", change: { ($0.durationSeconds, $0.resolution) = (15, .p480) },
            path: "/bytedance/seedance-2.0/text-to-video",
            body: """
                {"aspect_ratio": "16:9", "duration": "15", "generate_audio": false, "prompt": "a ball", \
                "resolution": "480p"}
                """),
        Order(
            cloud: "fal", model: "veo-3.1",
            change: { ($0.durationSeconds, $0.negativePrompt, $0.seed) = (4, "fog", 3) },
            path: "/fal-ai/veo3.1",
            body: """
                {"aspect_ratio": "16:9", "duration": "4s", "generate_audio": false, "negative_prompt": "fog", \
                "prompt": "a ball", "resolution": "720p", "seed": 3}
                """),
        Order(
            cloud: "fal", model: "hailuo-2.3", change: { $0.durationSeconds = 10 },
            path: "/fal-ai/minimax/hailuo-2.3/standard/text-to-video",
            body: #"{"duration": "10", "prompt": "a ball"}"#),
        Order(
            cloud: "minimax", model: "MiniMax-Hailuo-2.3",
            change: { ($0.durationSeconds, $0.resolution) = (6, .p1080) },
            path: "/v1/video_generation",
            body: #"{"duration": 6, "model": "MiniMax-Hailuo-2.3", "prompt": "a ball", "resolution": "1080P"}"#),
        Order(
            cloud: "kling", model: "kling-3.0", change: { ($0.wantsAudio, $0.resolution) = (true, .p1080) },
            path: "/text-to-video/kling-3.0",
            body: """
                {"options": {"external_task_id": "*"}, "prompt": "a ball", "settings": {"aspect_ratio": "16:9", \
                "audio": "native", "duration": 5, "resolution": "1080p"}}
                """),
        Order(
            cloud: "replicate", model: "wan-2.2-t2v-fast", change: { $0.seed = 9 },
            path: "/v1/models/wan-video/wan-2.2-t2v-fast/predictions",
            body: """
                {"input": {"aspect_ratio": "16:9", "frames_per_second": 16, "num_frames": 81, "prompt": "a ball", \
                "resolution": "480p", "seed": 9}}
                """),
        Order(
            cloud: "luma", model: "ray-2", change: { ($0.durationSeconds, $0.aspectRatio) = (9, .square) },
            path: "/dream-machine/v1/generations/video",
            body: """
                {"aspect_ratio": "1:1", "duration": "9s", "model": "ray-2", "prompt": "a ball", "resolution": "720p"}
                """),
        Order(
            cloud: "together", model: "wan-2.2-t2v",
            change: { ($0.steps, $0.guidanceScale, $0.seed, $0.negativePrompt) = (30, 4.5, 5, "fog") },
            path: "/v2/videos",
            body: """
                {"guidance_scale": 4.5, "height": 720, "model": "Wan-AI/Wan2.2-T2V-A14B", "negative_prompt": "fog", \
                "prompt": "a ball", "seconds": "5", "seed": 5, "steps": 30, "width": 1280}
                """),
    ]

    private static let pictures: [Order] = [
        Order(
            cloud: "gemini", model: "veo-3.1-generate-preview", change: { $0.referenceImages = [picture, last] },
            path: "/v1beta/models/veo-3.1-generate-preview:predictLongRunning",
            body: """
                {"instances": [{"image": {"bytesBase64Encoded": "\(base64)", "mimeType": "image/png"}, "lastFrame": \
                {"bytesBase64Encoded": "\(lastBase64)", "mimeType": "image/jpeg"}, "prompt": "a ball"}], "parameters": \
                {"aspectRatio": "16:9", "durationSeconds": 8, "resolution": "720p", "sampleCount": 1}}
                """),
        Order(
            cloud: "vertex", model: "veo-3.1-fast-generate-001", change: { $0.referenceImages = [shown] },
            path: "/models/veo-3.1-fast-generate-001:predictLongRunning",
            body: """
                {"instances": [{"prompt": "a ball", "referenceImages": [{"image": {"bytesBase64Encoded": \
                "\(lastBase64)", "mimeType": "image/jpeg"}, "referenceType": "ASSET"}]}], "parameters": {"aspectRatio": \
                "16:9", "durationSeconds": 8, "generateAudio": false, "resolution": "720p", "sampleCount": 1}}
                """),
        Order(
            cloud: "minimax", model: "MiniMax-H3-Max", change: { $0.referenceImages = [shown] },
            path: "/v2/video_generation",
            body: """
                {"content": [{"text": "a ball", "type": "text"}, {"image_url": {"url": \
                "data:image/jpeg;base64,\(lastBase64)"}, "role": "reference_image", "type": "image_url"}], \
                "duration": 5, "model": "MiniMax-H3-Max", "ratio": "adaptive", "resolution": "768P"}
                """),
        Order(
            cloud: "omni", model: "gemini-omni-1.1-flash", change: { $0.referenceImages = [picture] },
            path: "/v1/interactions",
            body: """
                {"background": true, "input": [{"content": [{"data": "\(base64)", "mime_type": "image/png", "type": \
                "image"}, {"text": "a ball", "type": "text"}], "type": "user_input"}], "model": "gemini-omni-1.1-flash", \
                "response_format": {"aspect_ratio": "16:9", "delivery": "uri", "duration": "5s", "resolution": "720p", \
                "type": "video"}}
                """),
        Order(
            cloud: "runway", model: "kling3.0_pro",
            change: { ($0.referenceImages, $0.wantsAudio) = ([picture, last], true) }, path: "/v1/image_to_video",
            body: """
                {"audio": true, "duration": 5, "model": "kling3.0_pro", "promptImage": [{"position": "first", "uri": \
                "\(uri)"}, {"position": "last", "uri": "data:image/jpeg;base64,\(lastBase64)"}], "promptText": "a ball", \
                "ratio": "1920:1080"}
                """),
        Order(
            cloud: "fal", model: "kling-v3-pro", change: { $0.referenceImages = [picture, last] },
            path: "/fal-ai/kling-video/v3/pro/image-to-video",
            body: """
                {"duration": "5", "end_image_url": "data:image/jpeg;base64,\(lastBase64)", "generate_audio": false, \
                "prompt": "a ball", "start_image_url": "\(uri)"}
                """),
        Order(
            cloud: "fal", model: "veo-3.1-fast",
            change: { ($0.referenceImages, $0.wantsAudio, $0.durationSeconds) = ([picture], true, 8) },
            path: "/fal-ai/veo3.1/fast/image-to-video",
            body: """
                {"aspect_ratio": "16:9", "duration": "8s", "generate_audio": true, "image_url": "\(uri)", \
                "prompt": "a ball", "resolution": "720p"}
                """),
        Order(
            cloud: "fal", model: "hailuo-2.3", change: { ($0.referenceImages, $0.durationSeconds) = ([picture], 6) },
            path: "/fal-ai/minimax/hailuo-2.3/standard/image-to-video",
            body: #"{"duration": "6", "image_url": "\#(uri)", "prompt": "a ball"}"#),
        Order(
            cloud: "minimax", model: "MiniMax-Hailuo-2.3-Fast",
            change: { ($0.referenceImages, $0.durationSeconds) = ([picture], 6) },
            path: "/v1/video_generation",
            body: """
                {"duration": 6, "first_frame_image": "\(uri)", "model": "MiniMax-Hailuo-2.3-Fast", "prompt": "a ball", \
                "resolution": "768P"}
                """),
        Order(
            cloud: "minimax", model: "MiniMax-H3", change: { $0.referenceImages = [picture] },
            path: "/v2/video_generation",
            body: """
                {"content": [{"text": "a ball", "type": "text"}, {"image_url": {"url": "\(uri)"}, "role": "first_frame", \
                "type": "image_url"}], "duration": 5, "model": "MiniMax-H3", "ratio": "adaptive", "resolution": "768P"}
                """),
        Order(
            cloud: "luma-agents", model: "ray-3.2", change: { $0.referenceImages = [picture, last] },
            path: "/v1/generations",
            body: """
                {"aspect_ratio": "16:9", "model": "ray-3.2", "prompt": "a ball", "type": "video", "video": {"duration": \
                "5s", "end_frame": {"data": "\(lastBase64)", "media_type": "image/jpeg"}, "resolution": "720p", \
                "start_frame": {"data": "\(base64)", "media_type": "image/png"}}}
                """),
        Order(
            cloud: "replicate", model: "veo-3.1", change: { $0.referenceImages = [picture, last] },
            path: "/v1/models/google/veo-3.1/predictions",
            body: """
                {"input": {"aspect_ratio": "16:9", "duration": 8, "generate_audio": false, "image": "\(uri)", \
                "last_frame": "data:image/jpeg;base64,\(lastBase64)", "prompt": "a ball", "resolution": "720p"}}
                """),
    ]

    /// Shots, and lengths that may be longer.
    private static let stories: [Order] = [
        Order(
            cloud: "fal", model: "kling-v3-pro",
            change: {
                $0.shots = [Shot("it rolls, slowly", durationSeconds: 2), Shot("it stops", durationSeconds: 3)]
            },
            path: "/fal-ai/kling-video/v3/pro/text-to-video",
            body: """
                {"aspect_ratio": "16:9", "duration": "5", "generate_audio": false, "multi_prompt": [{"duration": "2", \
                "prompt": "a ball it rolls, slowly"}, {"duration": "3", "prompt": "a ball it stops"}], "shot_type": \
                "customize"}
                """),
        Order(
            cloud: "kling", model: "kling-v3",
            change: {
                ($0.prompt, $0.durationRule) = ("", .atLeast)
                $0.shots = [Shot("a door", durationSeconds: 1), Shot("a hall", durationSeconds: 1)]
            },
            path: "/v1/videos/text2video",
            body: """
                {"aspect_ratio": "16:9", "duration": "3", "external_task_id": "*", "mode": "std", "model_name": "kling-v3", \
                "multi_prompt": [{"duration": "1", "index": 1, "prompt": "a door"}, {"duration": "2", "index": 2, \
                "prompt": "a hall"}], "multi_shot": true, "shot_type": "customize", "sound": "off"}
                """),
        Order(
            cloud: "vertex", model: "veo-3.1-lite-generate-001",
            change: { ($0.durationSeconds, $0.durationRule, $0.resolution) = (5, .atLeast, .p1080) },
            path: "/models/veo-3.1-lite-generate-001:predictLongRunning",
            body: """
                {"instances": [{"prompt": "a ball"}], "parameters": {"aspectRatio": "16:9", "durationSeconds": 8, \
                "generateAudio": false, "resolution": "1080p", "sampleCount": 1}}
                """),
        Order(
            cloud: "minimax", model: "MiniMax-Hailuo-2.3",
            change: { ($0.durationSeconds, $0.durationRule) = (6.5, .atLeast) },
            path: "/v1/video_generation",
            body: #"{"duration": 10, "model": "MiniMax-Hailuo-2.3", "prompt": "a ball", "resolution": "768P"}"#),
    ]

    @Test func `each cloud gets the fields that it knows, and takes them`() async throws {
        let bed = try CloudBed([])
        let book = try OrderBook(path: folder.file("orders"))
        for order in Self.orders {
            try bed.reset(order.cloud)
            let place = CloudCase(cloud: order.cloud, model: order.model)
            let provider = try place.provider(bed, folder, book: book)
            var request = VideoRequest(prompt: "a ball")
            order.change(&request)
            let said = try await provider.capabilities(for: request)
            #expect(said.obstacles == [], "\(order.cloud) \(order.model)")
            do throws(ProviderError) {
                _ = try await provider.generate(request) { _ in }
            } catch {
                Issue.record("\(order.cloud) \(order.model): \(error)")
            }
            let calls = try bed.log(order.cloud).filter { $0.value(at: ["method"])?.plainText == "POST" }
            let call = try #require(calls.first, "\(order.cloud) \(order.model)")
            #expect(call.value(at: ["target"])?.plainText?.hasSuffix(order.path) == true, "\(order.model)")
            #expect(call.value(at: ["json"]).map(sorted) == order.body, "\(order.cloud) \(order.model)")
        }
    }

    /// Written with its keys in order; our own name for an order, random as it is, as a star.
    private func sorted(_ value: JSONValue) -> String {
        switch value {
        case .array(let elements): "[" + elements.map(sorted).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }.sorted { $0.0 < $1.0 }
                .map { "\"\($0.0)\": " + ($0.0 == "external_task_id" ? "\"*\"" : sorted($0.1)) }
                .joined(separator: ", ") + "}"
        default: value.text
        }
    }

    @Test func `the form of OpenAI's API has the same parts as ever`() async throws {
        let bed = try CloudBed(["openai"])
        try bed.reset("openai")
        let place = CloudCase(cloud: "openai", model: "sora-2-pro", path: "/v1")
        let provider = try place.provider(bed, folder, book: try OrderBook(path: folder.file("orders")))
        var request = VideoRequest(prompt: "a ball")
        (request.durationSeconds, request.width, request.height) = (12, 1024, 1792)
        request.referenceImages = [Self.picture]
        _ = try await provider.generate(request) { _ in }
        let job = try #require(try bed.jobs("openai").first?.value(at: ["fields"]))
        #expect(
            sorted(job) == """
                {"files": ["input_reference"], "model": "sora-2-pro", "prompt": "a ball", "seconds": "12", \
                "size": "1024x1792"}
                """)
    }
}
