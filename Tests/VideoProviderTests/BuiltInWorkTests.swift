import Compute
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// The arithmetic of factorized attention, which only the model inside the binary has.
@Suite(.bounded) struct BuiltInWorkTests {
    @Test(arguments: [(96, 96, 17, 2.0), (64, 128, 5, 1.0)])
    func `the count is exact for the built-in model`(width: Int, height: Int, frames: Int, guidance: Double) throws {
        var request = VideoRequest(prompt: "a red circle moves from left to right")
        (request.width, request.height, request.frames, request.guidanceScale) = (width, height, frames, guidance)
        request.steps = 2
        let plan = try VideoPlanner(.builtIn).plan(for: request)
        let backend = CountingBackend()
        try Families.open(BuiltInModel.folder).pipeline(on: backend, dtype: .f32)
            .generate(plan.settings, report: { _ in true }, dump: nil, emit: { _ in })
        #expect(plan.work.flops.values.reduce(0, +) == backend.flops)
        #expect(plan.work.flops.values.allSatisfy { $0 > 0 })
    }
}
