import Compute

extension VideoPlanner {
    /// Reckons with the device that the worker told of.
    package convenience init(_ source: ModelSource, facts: EngineFacts) throws(VideoError) {
        try self.init(source, dtype: DType(rawValue: facts.dtype), copiesWeights: facts.copiesWeights)
    }
}
