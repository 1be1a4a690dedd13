import Glibc

/// The noise levels of a variance-preserving diffusion, `x = √ᾱ x₀ + √(1 - ᾱ) ε`, and which of them are walked.
///
/// ᾱ is the `alphas_cumprod` of Diffusers 0.42.1, with scaled-linear betas, in f64 and in its order of operations.
package struct DiffusionSchedule: Sendable, Equatable {
    /// What a model's output is.
    package enum Prediction: String, Sendable, CaseIterable {
        /// The noise ε.
        case noise = "epsilon"
        /// The clean latents x₀.
        case clean = "sample"
        /// `√ᾱ ε - √(1 - ᾱ) x₀`
        case velocity = "v_prediction"
    }

    /// Which of the trained timesteps are walked.
    package enum Spacing: String, Sendable, CaseIterable {
        /// Whole steps from 0 up.
        case leading
        /// From the last to 0, both included.
        case linspace
        /// Whole steps from the last down.
        case trailing
    }

    /// What a model was trained with, and how its steps are chosen.
    package struct Training: Sendable, Equatable {
        package var timesteps = 1000
        package var betaStart = 0.00085
        package var betaEnd = 0.012
        /// Divides the signal-to-noise ratio.
        package var snrShift = 3.0
        /// Whether the last timestep is stretched to pure noise (arXiv:2305.08891).
        package var endsInNoise = false
        /// Whether the last step lands on the clean latents; else on the first timestep's level.
        package var beginsClean = true
        package var prediction = Prediction.noise
        package var spacing = Spacing.leading

        package init() {}
    }

    package let training: Training
    /// One for each step.
    package let timesteps: [Float]
    /// ᾱ of every trained timestep.
    package let alphas: [Double]

    package var stepCount: Int { timesteps.count }

    /// - Parameter steps: 1 to the number of trained timesteps.
    package init(_ training: Training, steps: Int) {
        precondition((1...training.timesteps).contains(steps), "\(steps) of \(training.timesteps) timesteps")
        self.training = training
        alphas = Self.alphas(training)
        timesteps = Self.timesteps(training, steps).map { Float($0) }
    }

    /// ᾱ at step `index` and where the step leads.
    func alphas(at index: Int) -> (from: Double, to: Double) {
        let timestep = Int(timesteps[index])
        let next = timestep - training.timesteps / stepCount
        let end = training.beginsClean ? 1 : alphas[0]
        return (alphas[timestep], next >= 0 ? alphas[next] : end)
    }

    /// Whether step `index` leads behind the first of the trained timesteps.
    func isLast(_ index: Int) -> Bool { Int(timesteps[index]) < training.timesteps / stepCount }

    /// Factors of latents and output whose sum is the predicted clean latents at ᾱ.
    func cleanFactors(_ alpha: Double) -> (latents: Float, output: Float) {
        let (signal, noise) = (alpha.squareRoot(), (1 - alpha).squareRoot())
        return switch training.prediction {
        case .noise: (Float(1 / signal), Float(-noise / signal))
        case .clean: (0, 1)
        case .velocity: (Float(signal), Float(-noise))
        }
    }

    private static func alphas(_ training: Training) -> [Double] {
        let (start, end) = (pow(training.betaStart, 0.5), pow(training.betaEnd, 0.5))
        let count = training.timesteps
        let step = count > 1 ? (end - start) / Double(count - 1) : 0
        var product = 1.0
        var alphas = (0..<count).map { index in
            // As torch.linspace: from both ends to the middle.
            let root =
                index < count / 2
                ? start.addingProduct(step, Double(index)) : end.addingProduct(-step, Double(count - 1 - index))
            product *= 1 - root * root
            return product / (training.snrShift + (1 - training.snrShift) * product)
        }
        guard training.endsInNoise else { return alphas }
        let roots = alphas.map { $0.squareRoot() }
        let (first, last) = (roots[0], roots[count - 1])
        let stretch = first / (first - last)
        alphas = roots.map { ($0 - last) * stretch * (($0 - last) * stretch) }
        return alphas
    }

    private static func timesteps(_ training: Training, _ steps: Int) -> [Int] {
        let count = training.timesteps
        switch training.spacing {
        case .leading: return (0..<steps).reversed().map { $0 * (count / steps) }
        case .linspace:
            guard steps > 1 else { return [0] }
            let step = Double(count - 1) / Double(steps - 1)
            let last = count - 1
            return (0..<steps).reversed().map {
                $0 == steps - 1 ? last : Int((Double($0) * step).rounded(.toNearestOrEven))
            }
        case .trailing:
            let start = Double(count)
            // As numpy.arange: the second value less the first is the step of all.
            let step = start - Double(count) / Double(steps) - start
            return (0..<steps).map { Int((start + Double($0) * step).rounded(.toNearestOrEven)) - 1 }
        }
    }
}
