import Weights

/// What `model_index.json` says about a folder in the Diffusers layout.
struct PipelineIndex: Decodable {
    let className: String
    /// Share of the noise range that belongs to the first of two experts.
    let boundaryRatio: Double?
    let expandTimesteps: Bool
    let hasSecondTransformer: Bool

    private enum CodingKeys: String, CodingKey {
        case className = "_class_name"
        case boundaryRatio = "boundary_ratio"
        case expandTimesteps = "expand_timesteps"
        case transformer2 = "transformer_2"
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        className = try values.decode(String.self, forKey: .className)
        boundaryRatio = try values.decodeIfPresent(Double.self, forKey: .boundaryRatio)
        expandTimesteps = try values.decodeIfPresent(Bool.self, forKey: .expandTimesteps) ?? false
        // A component is [library, class]; [null, null] stands for none.
        let second = try values.decodeIfPresent([String?].self, forKey: .transformer2)
        hasSecondTransformer = second?.first.flatMap { $0 } != nil
    }

    func validate(_ fields: ConfigFields) throws(WeightError) {
        try fields.oneOf(["WanPipeline"], className, "_class_name")
        if let boundaryRatio { try fields.real(boundaryRatio, "boundary_ratio", in: 0...1) }
        guard hasSecondTransformer == (boundaryRatio != nil) else {
            throw fields.failure(
                "boundary_ratio", boundaryRatio?.description ?? "missing",
                "present exactly where there is a transformer_2")
        }
    }
}
