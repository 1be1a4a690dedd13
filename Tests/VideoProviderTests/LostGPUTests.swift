import FakeGPU
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// A file appears only when its clip is whole.
@Suite(.bounded) struct LostGPUTests {
    @Test func `a GPU that is lost between two steps leaves no file`() throws {
        let folder = try TemporaryFolder()
        let gpu = FakeGPU()
        do {
            let model = Fixture.path("wan21-t2v/model").replacing("VideoProviderTests", with: "PipelinesTests")
            let engine = try VideoEngine(EngineOptions(model: .folder(model)), backend: gpu.backend())
            var request = VideoRequest(prompt: "a bird")
            (request.width, request.height, request.frames, request.steps) = (16, 16, 1, 3)
            let whole = try engine.generate(request, to: folder.file("whole.mp4")) { _ in true }
            #expect(whole.backend == "cuda:0" && (whole.peakDeviceMemoryBytes ?? 0) > 0)
            let error = #expect(throws: VideoError.self) {
                try engine.generate(request, to: folder.file("clip.mp4")) { progress in
                    if progress.stage == .denoise, progress.completed == 1 { gpu.lose(afterCalls: 0, 999) }
                    return true
                }
            }
            #expect(error?.code == .deviceLost)
            #expect(error?.message.contains("CUDA_ERROR_UNKNOWN") == true)
            // The GPU stays lost, and that is said again.
            let later = #expect(throws: VideoError.self) {
                try engine.generate(request, to: folder.file("clip.mp4")) { _ in true }
            }
            #expect(later?.code == .deviceLost)
        }
        #expect(gpu.finish() == [])
        #expect(try folder.names == ["whole.mp4"])
    }
}
