import Pipelines
package import VideoTypes

extension VideoPlanner {
    /// Sides and lengths of clips that are compared with one: 480p becomes 720p and 1080p.
    private static let sideFactors = [1, 1.5, 2.25]
    private static let lengthFactors = [1.0, 2, 4]

    /// The work on a clip, and on larger and longer ones as far as the model makes them; the first is the clip itself.
    ///
    /// Whether a device has the memory is another question.
    package func growth(of request: VideoRequest, on facts: EngineFacts? = nil) throws(VideoError) -> [ClipPlan] {
        let base = try order(for: request, awaiting: model.pictures.needed).settings
        let device = device(facts)
        var plans: [ClipPlan] = []
        for length in Self.lengthFactors {
            for side in Self.sideFactors {
                var settings = base
                if side > 1 {
                    let size = model.grid.size(
                        nearWidth: Double(base.clip.width) * side, height: Double(base.clip.height) * side)
                    (settings.clip.width, settings.clip.height) = (size.width, size.height)
                }
                if length > 1 { settings.clip.frames = model.grid.frames(near: Double(base.clip.frames) * length) }
                guard (try? model.validate(settings)) != nil,
                    settings.clip.frames <= VideoRequest.Limits.frames.upperBound,
                    !plans.contains(where: { $0.settings.clip == settings.clip })
                else { continue }
                plans.append(ClipPlan(settings: settings, work: model.work(settings, on: device)))
            }
        }
        return plans
    }
}

/// One clip beside another one of the same model.
package struct ClipGrowth: Sendable, Hashable {
    package let plan: ClipPlan
    /// For which the machine works on it.
    package let seconds: Double
    /// How much more that is than for the first.
    package let factor: Double
    /// What it would be if all work grew as the square of the tokens.
    package let quadraticFactor: Double

    /// - Parameters:
    ///   - plans: the first is what the others are compared with.
    ///   - seconds: how long the work on one takes.
    package static func rows(_ plans: [ClipPlan], seconds: (WorkEstimate) -> Double) -> [ClipGrowth] {
        guard let base = plans.first else { return [] }
        let baseSeconds = seconds(base.work)
        return plans.map { plan in
            let own = seconds(plan.work)
            let tokens = base.work.tokens > 0 ? Double(plan.work.tokens) / Double(base.work.tokens) : 1
            return ClipGrowth(
                plan: plan, seconds: own, factor: baseSeconds > 0 ? own / baseSeconds : 1,
                quadraticFactor: tokens * tokens)
        }
    }
}
