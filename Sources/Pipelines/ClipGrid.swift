package import VideoTypes

/// The sizes and lengths that a model can make.
package struct ClipGrid: Sendable, Hashable {
    /// Width and height come in multiples of these.
    package let widthStep: Int
    package let heightStep: Int
    /// Frames come in multiples of this plus one.
    package let frameStep: Int
    package let maxWidth: Int
    package let maxHeight: Int
    package let maxFrames: Int

    /// The whole number of frames nearest to `count`, whatever the model's limit.
    package func frames(near count: Double) -> Int {
        Int(max(0, (count - 1) / Double(frameStep)).rounded()) * frameStep + 1
    }

    /// The legal size nearest to a wish, each side by itself.
    package func size(nearWidth width: Double, height: Double) -> (width: Int, height: Int) {
        (
            Self.multiple(of: widthStep, near: width, limit: maxWidth),
            Self.multiple(of: heightStep, near: height, limit: maxHeight)
        )
    }

    /// The legal sizes around one that is not, as people write them: "96 x 64 or 112 x 64".
    package func sizes(around width: Int, _ height: Int) -> String {
        var sizes: [String] = []
        for wide in Self.multiples(of: widthStep, around: width, limit: maxWidth) {
            for high in Self.multiples(of: heightStep, around: height, limit: maxHeight) {
                sizes.append("\(wide) x \(high)")
            }
        }
        return sizes.joined(separator: " or ")
    }

    private static func multiple(of step: Int, near wish: Double, limit: Int) -> Int {
        min(max(1, Int((wish / Double(step)).rounded())), limit / step) * step
    }

    /// One where `value` is legal, else the two around it.
    private static func multiples(of step: Int, around value: Int, limit: Int) -> [Int] {
        let most = limit / step * step
        let lower = min(value / step * step, most)
        guard lower != value, lower > 0, lower < most else { return [max(lower, step)] }
        return [lower, lower + step]
    }

    /// Checks that settings lie on the grid; how far it reaches is the model's to say.
    package func validate(_ settings: VideoSettings) throws(VideoError) {
        let (width, height) = (settings.clip.width, settings.clip.height)
        for (name, value, step) in [(Term.width, width, widthStep), (.height, height, heightStep)]
        where value % step != 0 {
            throw .invalid(
                "\(name) must be a multiple of \(step) for this model, got \(value)", field: name,
                hint: "use \(sizes(around: width, height))")
        }
        guard settings.clip.frames % frameStep == 1 % frameStep else {
            let lower = (settings.clip.frames - 1) / frameStep * frameStep + 1
            throw .invalid(
                "\(.frames) must be \(frameStep)k + 1, got \(settings.clip.frames)", field: .frames,
                hint: "use \(lower) or \(lower + frameStep)")
        }
    }
}
