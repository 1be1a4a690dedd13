import Compute
import FoundationEssentials
import TestSupport
import TestTools
import Testing

@Suite(.bounded) struct TorchRandomSourceTests {
    private struct Draws: Decodable {
        let seed: UInt64
        let counts: [Int]
        let sum: String
    }

    private struct File: Decodable {
        let cases: [Draws]
    }

    @Test func `every number has the bits that torch draws`() throws {
        let data = try Data(contentsOf: URL(filePath: Fixture.path("noise.json")))
        let cases = try JSONDecoder().decode(File.self, from: data).cases
        #expect(cases.count > 300)
        for draws in cases {
            var source = TorchRandomSource(seed: draws.seed)
            let numbers = draws.counts.flatMap { source.normals($0) }
            #expect(numbers.count == draws.counts.reduce(0, +))
            var sum: UInt64 = 0
            for (index, number) in numbers.enumerated() {
                sum &+= UInt64(number.bitPattern) &* (2 * UInt64(index) + 1)
            }
            #expect(sum == UInt64(draws.sum, radix: 16), "seed \(draws.seed), counts \(draws.counts)")
        }
    }

    @Test func `the known first numbers of seed 42 come out`() {
        var source = TorchRandomSource(seed: 42)
        #expect(source.normals(32).prefix(4) == [1.92691529, 1.48728406, 0.900717199, -2.10552096])
        source = TorchRandomSource(seed: 42)
        #expect(source.normals(4) == [0.336690366, 0.128809407, 0.234462366, 0.23033303])
    }

    @Test func `only the lower half of a seed counts`() {
        var (low, high) = (TorchRandomSource(seed: 7), TorchRandomSource(seed: 7 + (5 << 32)))
        #expect(low.normals(40) == high.normals(40))
    }
}
