/// Which rule walks from noise to a clip, by the name that people and files give it.
public enum Scheduler: String, Sendable, Hashable, CaseIterable, Codable {
    /// UniPC of order 2 (bh2), predictor and corrector; Wan's own default.
    case unipc
    /// Plain Euler steps; what few-step distilled models are trained for.
    case euler
    /// DPM-Solver++ 2M, midpoint.
    case dpmpp = "dpm++"
    /// DDIM without noise of its own, for CogVideoX.
    case ddim
    /// DPM-Solver++ 2M with noise at every step, for CogVideoX.
    case dpm

    /// Whether it walks a rectified flow, as Wan is; else a diffusion, as CogVideoX is.
    public var isFlow: Bool { self != .ddim && self != .dpm }
}
