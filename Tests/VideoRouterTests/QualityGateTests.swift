import FoundationEssentials
import Media
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// The gate on clips that were really encoded.
@Suite(.bounded) struct QualityGateTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(
        _ name: String, frames: Int = 17, fps: Int = 8, size: Int = 96, _ picture: (Int) -> Frame
    ) throws -> String {
        let path = folder.file(name + ".mp4")
        let writer = try MP4Writer(path: path, width: size, height: size, framesPerSecond: fps)
        for index in 0..<frames { try writer.append(picture(index)) }
        _ = try writer.finish()
        return path
    }

    private static func frame(_ size: Int = 96, _ colour: (Int, Int) -> (UInt8, UInt8, UInt8)) -> Frame {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(size * size * 3)
        for y in 0..<size {
            for x in 0..<size {
                let (red, green, blue) = colour(x, y)
                pixels += [red, green, blue]
            }
        }
        return Frame(width: size, height: size, pixels: pixels)
    }

    private static func flat(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> Frame {
        frame { _, _ in (red, green, blue) }
    }

    /// A square of ten pixels that moves over a plain ground, as the built-in model draws.
    private static func square(_ index: Int, ground: UInt8, _ colour: (UInt8, UInt8, UInt8)) -> Frame {
        frame { x, y in
            (10 + 3 * index..<20 + 3 * index).contains(x) && (40..<50).contains(y) ? colour : (ground, ground, ground)
        }
    }

    private func judge(_ path: String, _ expected: ClipExpectation = ClipExpectation()) -> ClipJudgement {
        QualityGate().judge(path, expected)
    }

    @Test(arguments: [UInt8(0), 128, 255])
    func `a small object that moves over a plain ground is good`(_ ground: UInt8) throws {
        let path = try write("good") { Self.square($0, ground: ground, (220, 30, 30)) }
        let judgement = judge(
            path, ClipExpectation(width: 96, height: 96, frames: 17, durationSeconds: 17.0 / 8))
        #expect(judgement.verdict == .good && judgement.warnings.isEmpty, "\(judgement.json)")
    }

    @Test func `what is not the clip that was asked for is broken`() throws {
        let path = try write("clip") { Self.square($0, ground: 128, (220, 30, 30)) }
        for expected in [
            ClipExpectation(width: 128), ClipExpectation(height: 480), ClipExpectation(frames: 16),
            ClipExpectation(frames: 81), ClipExpectation(durationSeconds: 5), ClipExpectation(durationSeconds: 1.5),
        ] {
            guard case .broken = judge(path, expected).verdict else {
                Issue.record("\(expected) passed")
                continue
            }
        }
        // In words a length is rounded to what the model's frames allow.
        #expect(judge(path, ClipExpectation(durationSeconds: 2)).verdict == .good)
    }

    @Test func `what does not decode is broken`() throws {
        let path = try write("whole") { Self.square($0, ground: 128, (220, 30, 30)) }
        let bytes = try Data(contentsOf: URL(filePath: path))
        func verdict(_ data: Data) throws -> ClipJudgement.Verdict {
            let file = folder.file("other.mp4")
            try data.write(to: URL(filePath: file))
            return judge(file, ClipExpectation(frames: 17)).verdict
        }
        #expect(try verdict(bytes) == .good)
        let others = [Data(), Data("#EXTM3U\nfile:///etc/passwd\n".utf8)]
        let parts = [12, 40, bytes.count / 3, bytes.count / 2, bytes.count - 200].map { Data(bytes.prefix($0)) }
        for data in others + parts {
            guard case .broken = try verdict(data) else {
                Issue.record("\(data.count) of \(bytes.count) bytes passed")
                continue
            }
        }
        for path in [folder.file("none.mp4"), folder.path] {
            guard case .broken = judge(path).verdict else {
                Issue.record("\(path) passed")
                continue
            }
        }
    }

    @Test func `damaged files never stop the program`() throws {
        let bytes = Array(try Data(contentsOf: URL(filePath: write("w") { Self.square($0, ground: 9, (200, 9, 9)) })))
        let file = folder.file("damaged.mp4")
        var state: UInt64 = 99
        for _ in 0..<150 {
            var damaged = bytes
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                damaged[8 + Int(state >> 33) % (damaged.count - 8)] = UInt8(truncatingIfNeeded: state >> 20)
            }
            try Data(damaged).write(to: URL(filePath: file))
            _ = judge(file, ClipExpectation(frames: 17))
        }
    }

    @Test func `black, white, grey and frozen clips are empty`() throws {
        func verdict(_ name: String, _ picture: (Int) -> Frame) throws -> ClipJudgement.Verdict {
            judge(try write(name, picture)).verdict
        }
        #expect(try verdict("black") { _ in Self.flat(0, 0, 0) } == .empty("the clip is black", isFault: false))
        #expect(
            try verdict("dark") { index in Self.frame { x, _ in (UInt8((x + index) % 8), 5, 5) } }
                == .empty("the clip is black", isFault: false))
        #expect(try verdict("white") { _ in Self.flat(255, 255, 255) } == .empty("the clip is white", isFault: false))
        let flat = ClipJudgement.Verdict.empty("the clip is one flat colour", isFault: true)
        #expect(try verdict("grey") { _ in Self.flat(128, 128, 128) } == flat)
        // Colour that changes from frame to frame is no picture either.
        #expect(try verdict("fade") { Self.flat(UInt8(60 + 8 * $0), 100, 90) } == flat)
        #expect(
            try verdict("frozen") { _ in Self.square(3, ground: 90, (220, 30, 30)) }
                == .empty("the clip is frozen", isFault: false))
        // A single picture is a clip of one frame.
        #expect(try judge(write("one", frames: 1) { Self.square($0, ground: 90, (220, 30, 30)) }).verdict == .good)
    }

    @Test func `jumps, flicker and blur are told of`() throws {
        func warnings(_ name: String, _ picture: (Int) -> Frame) throws -> [String] {
            let judgement = judge(try write(name, picture))
            #expect(judgement.verdict == .good)
            return judgement.warnings
        }
        let jumping = try warnings("jumps") { index in
            Self.frame { x, y in ((x / 24 + y / 24 + index / 4) % 2 == 0) ? (230, 230, 230) : (20, 20, 20) }
        }
        #expect(jumping == ["the picture jumps 4 times"])
        let flickering = try warnings("flicker") { index in
            let level = UInt8(index % 2 == 0 ? 80 : 110)
            return Self.frame { x, _ in (x / 8) % 2 == 0 ? (level, level, level) : (level + 60, level, level) }
        }
        #expect(flickering == ["the brightness flickers"])
        let blurred = try warnings("blur") { index in
            Self.frame { x, _ in
                let level = UInt8(40 + x + 2 * index)
                return (level, level, level)
            }
        }
        #expect(blurred == ["the picture is blurred"])
    }

    @Test func `the same clip gets the same answer`() throws {
        let path = try write("same") { Self.square($0, ground: 60, (20, 200, 30)) }
        #expect(judge(path) == judge(path))
    }
}
