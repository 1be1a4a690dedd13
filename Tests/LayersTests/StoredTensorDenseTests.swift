import Compute
import ComputeCPU
import TestSupport
import TestTools
import Testing
import Weights

@testable import Layers

@Suite(.bounded) struct StoredTensorDenseTests {
    @Test(arguments: [Quantisation.q8_0, .q4K, .e4m3, .int8])
    func `a quantised tensor is put into another order by its numbers`(format: Quantisation) throws {
        let backend = try CPUBackend(threads: 2)
        let stored = StoredTensor(random: format, [6, 256], format.blockCount == 1 ? .row : nil)
        let values = try backend.download(backend.vector(stored))
        let turned = try stored.dense(on: backend).reshaped([2, 3, 256]).transposed(0, 1)
        #expect(turned.format == .dense(.f32) && turned.shape == [3, 2, 256])
        let rows = [0, 3, 1, 4, 2, 5]
        #expect(turned.bytes.floats == rows.flatMap { values[$0 * 256..<($0 + 1) * 256] })
    }

    @Test func `what is dense stays where it is`() throws {
        let stored = StoredTensor([1, 2, 3, 4], [2, 2])
        let same = try stored.dense(on: CPUBackend(threads: 1))
        #expect(unsafe same.bytes.address == stored.bytes.address && same.shape == stored.shape)
    }
}
