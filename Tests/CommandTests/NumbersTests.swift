import TestTools
import Testing

@testable import wan_infer

@Suite(.bounded) struct NumbersTests {
    @Test func `durations read as people say them`() {
        let texts = [0, 0.004, 0.416, 9.99, 9.996, 41.4, 59.6, 200, 3599.4, 7500, .nan].map(Numbers.duration)
        #expect(
            texts == [
                "0.00 s", "0.00 s", "0.42 s", "9.99 s", "10 s", "41 s", "1 min 00 s", "3 min 20 s", "59 min 59 s",
                "2 h 05 min", "?",
            ])
    }

    @Test func `decimals are rounded and padded`() {
        #expect(Numbers.fixed(1.005, 1) == "1.0")
        #expect(Numbers.fixed(-0.25, 1) == "-0.3")
        #expect(Numbers.fixed(-0.001, 2) == "0.00")
        #expect(Numbers.fixed(12.034, 3) == "12.034")
        #expect(Numbers.fixed(7.6, 0) == "8")
        #expect(Numbers.fixed(.infinity, 2) == "inf")
    }

    @Test func `sizes carry their unit`() {
        #expect(
            [0, 999, 1000, 34_240, 1_250_000, 3_400_000_000].map(Numbers.bytes) == [
                "0 bytes", "999 bytes", "1.0 kB", "34.2 kB", "1.3 MB", "3.4 GB",
            ])
    }
}
