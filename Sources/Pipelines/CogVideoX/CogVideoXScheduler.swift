import Sampling
import VideoTypes
import Weights

/// What the `scheduler/scheduler_config.json` of a CogVideoX folder says.
struct CogVideoXScheduler {
    let training: DiffusionSchedule.Training
    /// What clips are made by as the folder says, or why they cannot be; of no matter to one made by another scheduler.
    let own: Result<Scheduler, WeightError>

    private static let path = "scheduler/scheduler_config.json"
    private static let classes: [(name: String, kind: Scheduler)] = [
        ("CogVideoXDDIMScheduler", .ddim), ("CogVideoXDPMScheduler", .dpm),
    ]

    init(_ folder: ModelFolder) throws(WeightError) {
        let fields = try folder.config(Self.path, as: Fields.self, Self.fields)
        let check = ConfigFields(file: folder.fullName(Self.path))
        var training = DiffusionSchedule.Training()
        training.timesteps = try check.whole(fields.trainTimesteps ?? 1000, "num_train_timesteps", in: 1...100_000)
        training.betaStart = try check.real(fields.betaStart ?? 0.00085, "beta_start", in: 1e-9...0.5)
        training.betaEnd = try check.real(fields.betaEnd ?? 0.012, "beta_end", in: 1e-9...0.5)
        training.snrShift = try check.real(fields.snrShiftScale ?? 3, "snr_shift_scale", in: 0.01...100)
        training.endsInNoise = fields.rescaleBetasZeroSNR ?? false
        training.beginsClean = fields.setAlphaToOne ?? true
        training.prediction = try Self.named(fields.predictionType, .noise, "prediction_type", check)
        training.spacing = try Self.named(fields.timestepSpacing, .leading, "timestep_spacing", check)
        self.training = training
        // The class of the index reads the file, whichever the file names.
        let className = try PartClass.of(folder)?.scheduler ?? fields.className
        own =
            if let kind = Self.classes.first(where: { $0.name == className })?.kind {
                .success(kind)
            } else {
                .failure(
                    check.failure(
                        "_class_name", className ?? "missing", Self.classes.map(\.name).joined(separator: " or ")
                    ))
            }
    }

    private static func named<Value: RawRepresentable & CaseIterable>(
        _ name: String?, _ otherwise: Value, _ field: String, _ check: ConfigFields
    ) throws(WeightError) -> Value where Value.RawValue == String {
        guard let name else { return otherwise }
        try check.oneOf(Value.allCases.map(\.rawValue), name, field)
        return Value(rawValue: name) ?? otherwise
    }

    /// The scheduler as a request would name it; an error where the folder names one that is not done here.
    func named() throws(VideoError) -> Scheduler {
        switch own {
        case .success(let scheduler): return scheduler
        case .failure(let refusal):
            throw VideoError(
                .weightsInvalid, Wording(plain: refusal.message), field: .scheduler,
                remedies: [refusal.hint, "or name one that takes its place in a clip: \(.scheduler, "ddim") or dpm"])
        }
    }

    /// Neither class cuts its samples off, whatever the fields about that say.
    static let fields = FieldTable(
        read: Fields.CodingKeys.allCases.map(\.rawValue),
        harmless: [
            "clip_sample", "clip_sample_range", "sample_max_value", "thresholding", "dynamic_thresholding_ratio",
        ],
        fixed: ["beta_schedule": ["scaled_linear"], "trained_betas": [nil], "steps_offset": [0]])

    private struct Fields: Decodable {
        let className: String?
        let trainTimesteps: Int?
        let betaStart: Double?
        let betaEnd: Double?
        let snrShiftScale: Double?
        let rescaleBetasZeroSNR: Bool?
        let setAlphaToOne: Bool?
        let predictionType: String?
        let timestepSpacing: String?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case className = "_class_name"
            case trainTimesteps = "num_train_timesteps"
            case betaStart = "beta_start"
            case betaEnd = "beta_end"
            case snrShiftScale = "snr_shift_scale"
            case rescaleBetasZeroSNR = "rescale_betas_zero_snr"
            case setAlphaToOne = "set_alpha_to_one"
            case predictionType = "prediction_type"
            case timestepSpacing = "timestep_spacing"
        }
    }
}
