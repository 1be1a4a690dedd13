import Compute
import ComputeCPU
import TestSupport
import TestTools
import Testing
import Tokenizers
import VideoTypes
import Weights

@testable import Pipelines

/// Errors that cross the pipeline on their way from one room to another.
@Suite(.bounded) struct ErrorKindTests {
    /// What a room beside the pipeline may throw.
    private struct Foreign: Reportable, Equatable {
        var videoError: VideoError { VideoError(.diskFull, "full", hint: "free some space") }
    }

    private struct Stranger: Error {}

    private static let errors: [(any Error, VideoError.Code)] =
        VideoError.Code.all.map { (VideoError($0, "public already"), $0) } + [
            (Foreign(), .diskFull), (WeightError.interrupted, .cancelled),
            (WeightError.emptyFile(file: "f"), .weightsInvalid),
            (ComputeError.deviceLost(call: "c", reason: "r", backend: "b"), .deviceLost),
            (ComputeError.outOfMemory(requested: 1, backend: "b"), .outOfMemory),
            (TokenizerError.unsupported(component: "c"), .weightsInvalid), (Stranger(), .internalError),
        ]

    @Test(arguments: [0, 1, 4], [false, true])
    func `an error of whoever takes the frames keeps its kind`(frame: Int, isTiled: Bool) throws {
        let backend = try CPUBackend(threads: 1)
        let pipeline = try Families.open(ModelFolder(path: Fixture.model("wan21-t2v")))
            .pipeline(on: backend, dtype: .f32)
        let settings = VideoSettings(
            prompts: Prompts(positive: "a bird"),
            clip: ClipShape(width: isTiled ? 272 : 16, height: 16, frames: 5, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .euler, levels: .steps(1), shift: 3, guidance: [1], seed: 1), tilesVAE: isTiled)
        // Each error costs a clip: a few of them with tiles.
        for (thrown, code) in isTiled ? Array(Self.errors.suffix(7)) : Self.errors {
            var count = 0
            let error = #expect(throws: VideoError.self) {
                try pipeline.generate(
                    settings, report: { _ in true }, dump: nil,
                    emit: { _ in
                        count += 1
                        if count > frame { throw thrown }
                    })
            }
            #expect(error?.code == code, "\(thrown)")
            #expect(error == VideoError(reporting: thrown))
        }
    }
}
