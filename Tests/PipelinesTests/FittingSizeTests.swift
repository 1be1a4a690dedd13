import TestTools
import Testing
import VideoTypes

@testable import Pipelines

/// What is proposed in the place of a clip that is too large.
@Suite(.bounded) struct FittingSizeTests {
    private static let settings = VideoSettings(
        prompts: Prompts(positive: ""),
        clip: ClipShape(width: 1280, height: 704, frames: 121, framesPerSecond: 24),
        sampling: SamplingSettings(
            scheduler: .unipc, levels: .steps(30), shift: 5, guidance: [5], seed: 0))

    private static let grid = ClipGrid(
        widthStep: 32, heightStep: 32, frameStep: 4, maxWidth: 8192, maxHeight: 8192, maxFrames: 4093)

    private static func hint(_ fits: @escaping (VideoSettings) -> Bool) -> String? {
        FittingSize(grid: grid, fits: fits).hint(below: settings)?.text
    }

    private static func volume(_ settings: VideoSettings) -> Int {
        settings.clip.width * settings.clip.height * settings.clip.frames
    }

    @Test(arguments: [117, 97, 5, 1]) func `as many frames as fit`(frames: Int) {
        let count = frames == 1 ? "a single frame fits" : "\(frames) frames fit"
        #expect(Self.hint { $0.clip.frames <= frames } == "\(count) at this size")
    }

    @Test func `a smaller size where a single frame is too much`() {
        #expect(
            Self.hint { $0.clip.width * $0.clip.height < 1280 * 704 }
                == "1184 x 640 in 121 frames fits")
        #expect(
            Self.hint { $0.clip.width <= 640 && $0.clip.height <= 384 } == "640 x 352 in 121 frames fits")
    }

    @Test func `a single small frame where no more fits`() {
        #expect(Self.hint { Self.volume($0) <= 64 * 32 } == "a single frame of 64 x 32 fits")
        #expect(Self.hint { Self.volume($0) <= 32 * 32 } == "a single frame of 32 x 32 fits")
    }

    @Test func `tiles where only they fit`() {
        #expect(Self.hint { $0.tilesVAE && $0.clip.frames <= 97 } == "97 frames fit at this size with tilesVAE = true")
        #expect(
            Self.hint { $0.clip.frames <= ($0.tilesVAE ? 49 : 45) } == "49 frames fit at this size with tilesVAE = true"
        )
        #expect(Self.hint { $0.clip.frames <= ($0.tilesVAE ? 45 : 49) } == "49 frames fit at this size")
        #expect(
            Self.hint { $0.tilesVAE && $0.clip.width <= 640 } == "640 x 352 in 121 frames fits with tilesVAE = true")
    }

    @Test func `nothing where nothing fits`() {
        #expect(Self.hint { _ in false } == nil)
    }

    @Test(arguments: 1...40) func `every size that is tried can be asked for`(share: Int) throws {
        let limit = Self.volume(Self.settings) / (share * share)
        var asked: [VideoSettings] = []
        let hint = Self.hint { settings in
            asked.append(settings)
            return Self.volume(settings) <= limit
        }
        #expect(hint != nil)
        #expect(asked.allSatisfy { $0.clip.width % 32 == 0 && $0.clip.height % 32 == 0 && $0.clip.frames % 4 == 1 })
        #expect(asked.allSatisfy { $0.clip.width >= 32 && $0.clip.height >= 32 && $0.clip.frames >= 1 })
        #expect(asked.count < 40)
    }
}
