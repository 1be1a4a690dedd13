import VideoTypes

/// Looks for the largest clip of the same kind that a device can hold.
struct FittingSize {
    let grid: ClipGrid
    let fits: (VideoSettings) -> Bool

    /// Says what fits with fewer frames, or else at a smaller size, decoded in tiles only where it must be; nil where
    /// nothing does.
    func hint(below settings: VideoSettings) -> Wording? {
        if let shorter = shorter(settings) {
            return "\(Self.count(shorter)) at this size\(Self.tiling(shorter))"
        }
        if let smaller = smaller(settings) {
            let size = "\(smaller.clip.width) x \(smaller.clip.height)"
            let frames = smaller.clip.frames
            let clip = frames == 1 ? "a single frame of \(size)" : "\(size) in \(frames) frames"
            return "\(clip) fits\(Self.tiling(smaller))"
        }
        return nil
    }

    private static func tiling(_ settings: VideoSettings) -> Wording {
        settings.tilesVAE ? " with \(.tilesVAE, "true")" : ""
    }

    private static func count(_ settings: VideoSettings) -> String {
        settings.clip.frames == 1 ? "a single frame fits" : "\(settings.clip.frames) frames fit"
    }

    /// More frames never need less memory, so the limit is found by halving.
    private func shorter(_ settings: VideoSettings) -> VideoSettings? {
        largest((settings.clip.frames - 1) / grid.frameStep) { count in
            var candidate = settings
            candidate.clip.frames = count * grid.frameStep + 1
            return candidate
        }
    }

    /// The same shape in steps of a sixteenth, a single frame of it last.
    private func smaller(_ settings: VideoSettings) -> VideoSettings? {
        for frames in [settings.clip.frames, 1] {
            let found = largest(15) { sixteenths in
                var candidate = settings
                candidate.clip.frames = frames
                candidate.clip.width = max(
                    settings.clip.width * sixteenths / 16 / grid.widthStep * grid.widthStep, grid.widthStep)
                candidate.clip.height = max(
                    settings.clip.height * sixteenths / 16 / grid.heightStep * grid.heightStep, grid.heightStep)
                return candidate
            }
            if let found { return found }
        }
        return nil
    }

    /// The candidate of the highest number from 0 to `limit` that fits, nil where not even that of 0 does.
    private func largest(_ limit: Int, _ candidate: (Int) -> VideoSettings) -> VideoSettings? {
        guard var found = fitting(candidate(0)) else { return nil }
        var (low, high) = (0, limit)
        while low < high {
            let middle = (low + high + 1) / 2
            if let larger = fitting(candidate(middle)) {
                (found, low) = (larger, middle)
            } else {
                high = middle - 1
            }
        }
        return found
    }

    /// The candidate, in tiles if only so it fits.
    private func fitting(_ candidate: VideoSettings) -> VideoSettings? {
        if fits(candidate) { return candidate }
        var tiled = candidate
        tiled.tilesVAE = true
        return fits(tiled) ? tiled : nil
    }
}
