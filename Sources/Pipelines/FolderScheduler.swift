import Sampling
import VideoTypes
import Weights

/// What a folder's `scheduler/scheduler_config.json` asks for.
struct FolderScheduler {
    /// The one that its class is; nil for a class that is not known here.
    let kind: Scheduler?
    /// The model's timestep at noise level 1.
    let trainTimesteps: Int
    let shift: Double
    let shape: Schedule.Shape
    /// What clips are made by as the folder says, or why they cannot be; of no matter to one made by another scheduler.
    let own: Result<Scheduler, WeightError>

    private static let path = "scheduler/scheduler_config.json"
    /// As Diffusers spells them, whose folders these are.
    private static let classes: [(name: String, kind: Scheduler)] = [
        ("UniPCMultistepScheduler", .unipc), ("FlowMatchEulerDiscreteScheduler", .euler),
        ("DPMSolverMultistepScheduler", .dpmpp),
    ]

    private static var classNames: String {
        let names = classes.map(\.name)
        return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    }

    init(_ folder: ModelFolder) throws(WeightError) {
        let fields = try folder.config(Self.path, as: Fields.self)
        let check = ConfigFields(file: folder.fullName(Self.path))
        // The class of the index reads the file, whichever the file names.
        let className = try PartClass.of(folder)?.scheduler ?? fields.className
        let kind = Self.classes.first { $0.name == className }?.kind
        trainTimesteps = try check.whole(fields.trainTimesteps ?? 1000, "num_train_timesteps", in: 1...1_000_000)
        let (name, value) = Self.shift(kind, fields)
        self.kind = kind
        var refusal: WeightError?
        var shape = Schedule.Shape()
        if let kind {
            refusal = try folder.failure(Self.path, Self.table(kind))
            shape = Self.shape(kind, fields)
            if fields.spacings > 1 {
                refusal = check.failure("use_karras_sigmas", "true", "false beside another spacing of sigmas")
            }
            if shape.spacing != .even, let bound = fields.sigmaMin ?? fields.sigmaMax {
                refusal = check.failure("sigma_min, sigma_max", bound, "null beside another spacing of sigmas")
            }
            if let terminal = shape.terminal, !(terminal > 0 && terminal < 1) {
                refusal = check.failure("shift_terminal", terminal, "between 0 and 1")
            }
        }
        shift = Schedule.shiftRange.contains(value) ? value : 1
        if shift != value {
            refusal = check.failure(
                name, value, "from \(Schedule.shiftRange.lowerBound) to \(Schedule.shiftRange.upperBound)")
        }
        own =
            if let kind, refusal == nil {
                .success(kind)
            } else {
                .failure(refusal ?? check.failure("_class_name", className ?? "missing", Self.classNames))
            }
        self.shape = refusal == nil ? shape : Schedule.Shape()
    }

    /// The scheduler as a request would name it; an error where the folder asks for what is not done here.
    func named() throws(VideoError) -> Scheduler {
        switch own {
        case .success(let scheduler): return scheduler
        case .failure(let refusal):
            throw VideoError(
                .weightsInvalid, Wording(plain: refusal.message), field: .scheduler,
                remedies: [
                    refusal.hint, "or name one that takes its place in a clip: \(.scheduler, "unipc"), euler or dpm++",
                ])
        }
    }

    /// A class reads one of the two names and passes over the other.
    private static func shift(_ kind: Scheduler?, _ fields: Fields) -> (name: String, value: Double) {
        switch kind {
        case .euler: ("shift", fields.shift ?? 1)
        case .unipc, .dpmpp, .ddim, .dpm: ("flow_shift", fields.flowShift ?? 1)
        case nil: fields.flowShift.map { ("flow_shift", $0) } ?? ("shift", fields.shift ?? 1)
        }
    }

    private static func shape(_ kind: Scheduler, _ fields: Fields) -> Schedule.Shape {
        var shape = Schedule.Shape()
        // DPMSolverMultistepScheduler knows no end but 0. A 0 here is none at all.
        if kind != .dpmpp, let terminal = fields.shiftTerminal, terminal != 0 { shape.terminal = terminal }
        guard kind == .euler else { return shape }
        if fields.usesKarras == true { shape.spacing = .karras }
        if fields.usesExponential == true { shape.spacing = .exponential }
        return shape
    }

    private struct Fields: Decodable {
        let className: String?
        let trainTimesteps: Int?
        let flowShift: Double?
        let shift: Double?
        let shiftTerminal: Double?
        let usesKarras: Bool?
        let usesExponential: Bool?
        let usesBeta: Bool?
        let sigmaMin: Double?
        let sigmaMax: Double?

        /// How many of the spacings that exclude each other are asked for.
        var spacings: Int { [usesKarras, usesExponential, usesBeta].count { $0 == true } }

        enum CodingKeys: String, CodingKey {
            case className = "_class_name"
            case trainTimesteps = "num_train_timesteps"
            case flowShift = "flow_shift"
            case shift
            case shiftTerminal = "shift_terminal"
            case usesKarras = "use_karras_sigmas"
            case usesExponential = "use_exponential_sigmas"
            case usesBeta = "use_beta_sigmas"
            case sigmaMin = "sigma_min"
            case sigmaMax = "sigma_max"
        }
    }
}

extension FolderScheduler {
    /// Of schedules over the betas of a diffusion, which a rectified flow has not.
    private static let betas = ["beta_start", "beta_end", "trained_betas", "rescale_betas_zero_snr", "steps_offset"]
    private static let betaChecks: [String: [FieldTable.Fixed]] = [
        "beta_schedule": ["linear", "scaled_linear", "squaredcos_cap_v2"],
        "timestep_spacing": ["linspace", "leading", "trailing"],
    ]
    /// Only read where `thresholding` is on.
    private static let thresholds = ["dynamic_thresholding_ratio", "sample_max_value"]
    /// Of one class; the others keep them when a folder changes its class, and do not read them.
    private static let ofEuler = [
        "shift", "base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len", "invert_sigmas",
        "stochastic_sampling",
    ]
    private static let ofUniPC = ["predict_x0", "disable_corrector", "solver_p"]
    private static let ofDPM = [
        "algorithm_type", "euler_at_final", "use_lu_lambdas", "lambda_min_clipped", "variance_type",
    ]
    private static let off: [FieldTable.Fixed] = [false, nil]

    private static func table(_ kind: Scheduler) -> FieldTable {
        switch kind {
        case .unipc: unipc
        case .euler: euler
        case .dpmpp: dpmSolver
        case .ddim, .dpm: preconditionFailure("\(kind) walks no flow")
        }
    }

    private static let unipc = FieldTable(
        read: ["num_train_timesteps", "flow_shift", "shift_terminal"],
        harmless: betas + thresholds + ofEuler + ofDPM + ["sigma_min", "sigma_max", "time_shift_type"],
        fixed: [
            "prediction_type": ["flow_prediction"], "use_flow_sigmas": [true], "solver_order": [2],
            // Those of DPMSolverMultistepScheduler stand for bh2.
            "solver_type": ["bh2", "midpoint", "heun", "logrho"], "predict_x0": [true], "lower_order_final": [true],
            "disable_corrector": [[]], "solver_p": [nil], "final_sigmas_type": ["zero"], "thresholding": off,
            "use_karras_sigmas": off, "use_exponential_sigmas": off, "use_beta_sigmas": off,
            "use_dynamic_shifting": off,
        ].merging(betaChecks) { $1 },
        required: ["prediction_type", "use_flow_sigmas"])

    private static let euler = FieldTable(
        read: ["num_train_timesteps", "shift", "shift_terminal", "use_karras_sigmas", "use_exponential_sigmas"],
        harmless: betas + thresholds + ofUniPC + ofDPM + ofEuler.filter { $0.hasSuffix("_shift") }
            + ofEuler.filter { $0.hasSuffix("_seq_len") } + betaChecks.keys + [
                "flow_shift", "prediction_type", "use_flow_sigmas", "solver_order", "solver_type", "lower_order_final",
                "final_sigmas_type", "thresholding", "sigma_min", "sigma_max",
            ],
        fixed: [
            "use_beta_sigmas": off, "use_dynamic_shifting": off, "invert_sigmas": off, "stochastic_sampling": off,
            "time_shift_type": ["exponential", "linear"],
        ])

    /// The last step is of first order whatever the fields about it say, since the last noise level is 0.
    private static let dpmSolver = FieldTable(
        read: ["num_train_timesteps", "flow_shift"],
        harmless: betas + thresholds + ofEuler + ofUniPC + [
            "shift_terminal", "sigma_min", "sigma_max", "time_shift_type", "use_dynamic_shifting", "lower_order_final",
            "euler_at_final", "lambda_min_clipped", "variance_type",
        ],
        fixed: [
            "prediction_type": ["flow_prediction"], "use_flow_sigmas": [true], "solver_order": [2],
            "algorithm_type": ["dpmsolver++"],
            // Those of UniPCMultistepScheduler stand for midpoint.
            "solver_type": ["midpoint", "logrho", "bh1", "bh2"], "final_sigmas_type": ["zero"], "thresholding": off,
            "use_karras_sigmas": off, "use_exponential_sigmas": off, "use_beta_sigmas": off, "use_lu_lambdas": off,
        ].merging(betaChecks) { $1 },
        required: ["prediction_type", "use_flow_sigmas"])
}
