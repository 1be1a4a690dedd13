import Compute
import ComputeCPU
import Foundation
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// A clip that nobody wants any more ends at the next question, wherever it is, and leaves no file.
@Suite(.bounded) struct CancelTests {
    @Test(arguments: ["wan22-a14b", "wan22-ti2v"]) func `every question can be answered with no`(_ model: String) throws
    {
        let folder = try TemporaryFolder()
        let path = Fixture.path("\(model)/model").replacing("VideoProviderTests", with: "PipelinesTests")
        var request = VideoRequest(prompt: "a bird")
        // Wide enough for two tiles.
        (request.width, request.height, request.frames, request.steps) = (320, 32, 5, 4)
        (request.seed, request.tilesVAE) = (1, true)
        let backend = try CPUBackend(threads: 2)
        func engine() throws -> VideoEngine {
            try VideoEngine(EngineOptions(model: .folder(path), dtype: .f32), backend: backend)
        }
        var reports: [VideoProgress] = []
        _ = try engine().generate(request, to: folder.file("whole.mp4")) { progress in
            reports.append(progress)
            return true
        }
        let expected = try Data(contentsOf: URL(filePath: folder.file("whole.mp4")))
        // Some of each stage, the first and the last question among them.
        let asked = Set(reports.indices.filter { $0 % 5 == 0 || reports[$0].stage != .load })
        let warm = try engine()
        for number in asked.sorted() {
            for engine in [try engine(), warm] {
                var count = 0
                var last: VideoProgress?
                do throws(VideoError) {
                    _ = try engine.generate(request, to: folder.file("clip.mp4")) { progress in
                        defer { count += 1 }
                        last = progress
                        return count < number
                    }
                    // The warm one asks less.
                    #expect(engine === warm)
                    try? FileManager.default.removeItem(atPath: folder.file("clip.mp4"))
                } catch {
                    #expect(error.code == .cancelled)
                    #expect(error.message == "cancelled during \(last?.stage.rawValue ?? "")")
                    #expect(count == number + 1, "nothing is asked after a no")
                }
                #expect(try folder.names == ["whole.mp4"])
            }
        }
        // What was stopped spoils nothing.
        _ = try warm.generate(request, to: folder.file("clip.mp4")) { _ in true }
        #expect(try Data(contentsOf: URL(filePath: folder.file("clip.mp4"))) == expected)
    }

    @Test func `the questions follow the work`() throws {
        let folder = try TemporaryFolder()
        let engine = try VideoEngine(EngineOptions(), backend: CPUBackend(threads: 2))
        var request = VideoRequest(prompt: "a red circle")
        (request.width, request.height, request.frames, request.steps) = (32, 32, 9, 3)
        var reports: [VideoProgress] = []
        _ = try engine.generate(request, to: folder.file("clip.mp4")) { progress in
            reports.append(progress)
            return true
        }
        func completed(_ stage: VideoProgress.Stage) -> [Int] {
            reports.filter { $0.stage == stage }.map(\.completed)
        }
        #expect(completed(.load) == Array(repeating: Array(0...20), count: 3).flatMap { $0 })
        #expect(completed(.text) == [0, 1, 2])
        #expect(completed(.denoise) == [0, 1, 2, 3])
        #expect(completed(.decode) == [0, 1, 2, 3])
        #expect(reports.allSatisfy { $0.completed <= $0.total })
    }
}
