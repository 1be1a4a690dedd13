import Compute
import ComputeCPU
import TestTools
import Testing
import Weights

@testable import Models

@Suite(.bounded) struct RelativePositionBiasTests {
    /// umT5's 32 buckets up to distance 128, as Hugging Face's implementation assigns them.
    @Test(arguments: [
        (0, 0), (-1, 1), (-7, 7), (-8, 8), (-11, 8), (-12, 9), (-15, 9), (-16, 10), (-22, 10), (-23, 11), (-31, 11),
        (-32, 12), (-45, 12), (-46, 13), (-63, 13), (-64, 14), (-90, 14), (-91, 15), (-5000, 15), (1, 17), (8, 24),
        (91, 31),
    ])
    func `a distance falls into its bucket`(_ distance: Int, _ bucket: Int) {
        let buckets = RelativePositionBuckets(count: 32, maxDistance: 128)
        #expect(buckets.bucket(distance) == bucket)
    }
}
