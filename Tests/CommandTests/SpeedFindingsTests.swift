import Compute
import TestTools
import Testing

@testable import wan_infer

@Suite(.bounded) struct SpeedFindingsTests {
    @Test func `a share of the peak is told, and what is absurd is called slow`() {
        let fine = SpeedFindings.finding(.f32, ["product": 150e9, "convolution": 110e9], 200e9)
        #expect(fine.isGood)
        #expect(
            fine.line
                == "  ok  f32        product 150 GFLOP/s (75 %), convolution 110 GFLOP/s (55 %) of 200 measured in f32 "
                + "registers")
        let slow = SpeedFindings.finding(.bf16, ["product": 150e9, "convolution": 1e9], 200e9)
        #expect(!slow.isGood)
        #expect(slow.line.hasPrefix("slow  bf16 "))
        let json = "\(DoctorCommand.json([slow]))"
        #expect(json.contains("\"ok\": false"))
        #expect(json.contains("\"convolution_share\": 0.005"))
    }
}
