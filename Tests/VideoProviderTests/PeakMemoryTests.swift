import TestTools
import Testing

@testable import VideoProvider

@Suite(.bounded) struct PeakMemoryTests {
    @Test func `the peak is read from the line of the kernel's report`() {
        let status = "Name:\twan-infer\nVmPeak:\t  899228 kB\nVmSize:\t  1 kB\nVmHWM:\t   69264 kB\nVmRSS:\t   2 kB\n"
        #expect(PeakMemory.bytes(inStatus: status) == 69_264 * 1024)
        #expect(PeakMemory.bytes(inStatus: "Name:\tx\n") == nil)
        #expect(PeakMemory.bytes > 1 << 20)
    }
}
