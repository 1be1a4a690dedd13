import Compute
import ComputeCPU
import FakeGPU
import Glibc
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// The model inside the binary through the kernels of a GPU: factorized attention, tensor cores, recorded steps.
@Suite(.bounded(minutes: 20)) struct GPUClipTests {
    @Test(arguments: [(Int32(8), Int32(0)), (9, 0)])
    func `a clip of the tensor cores looks like that of the processor`(kind: (Int32, Int32)) throws {
        var request = VideoRequest(prompt: "a blue square moves up")
        (request.seed, request.steps, request.frames) = (3, 3, 5)
        let expected = try VideoEngine(EngineOptions(dtype: .f32), backend: CPUBackend(threads: 2)).frames(request)
        let gpu = FakeGPU(kind.0, kind.1)
        let found = try VideoEngine(EngineOptions(dtype: .bf16), backend: gpu.backend()).frames(request)
        #expect(found.count == 5)
        #expect(psnr(found, expected) >= 30, "\(psnr(found, expected)) dB")
        #expect(gpu.calls("cuGraphLaunch") == 4, "two passes, recorded at the first of three steps")
        #expect(gpu.runs("attention_short_64") > 0)
        #expect(gpu.finish() == [])
    }

    private func psnr(_ found: [Frame], _ expected: [Frame]) -> Double {
        var sum = 0.0
        var count = 0
        for (one, other) in zip(found, expected) {
            for (a, b) in zip(one.pixels, other.pixels) { sum += (Double(a) - Double(b)) * (Double(a) - Double(b)) }
            count += one.pixels.count
        }
        return 10 * log10(255 * 255 / (sum / Double(count)))
    }
}
