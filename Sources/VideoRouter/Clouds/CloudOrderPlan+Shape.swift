import VideoTypes

// Length and size.
extension CloudOrderPlan {
    /// Length, resolution and ratio; nil with an obstacle where they do not go together.
    mutating func form() -> (seconds: Int, format: CloudModel.Format, ratio: AspectRatio)? {
        let lengths = lengths()
        guard let first = lengths.first else {
            let least = request.durationRule == .atLeast ? "at most " : ""
            refuse("duration", "clips are \(least)\(model.lengths.text) seconds long here")
            return nil
        }
        // Of those that are long enough, the first that the rest goes with.
        for seconds in lengths {
            var trial = self
            if let (format, ratio) = trial.shape(seconds) { return (seconds, format, ratio) }
        }
        return shape(first).map { (first, $0.0, $0.1) }
    }

    /// The lengths that would do, the nearest first.
    private func lengths() -> [Int] {
        let all = model.lengths.all
        guard let wanted = request.wantedSeconds else { return all.contains(5) ? [5] : Array(all.prefix(1)) }
        guard request.durationRule == .atLeast else { return all.filter { abs(Double($0) - wanted) < 1e-6 } }
        return all.filter { Double($0) > wanted - 1e-6 }.sorted()
    }

    private mutating func shape(_ seconds: Int) -> (CloudModel.Format, AspectRatio)? {
        let isFree = !pictures.isEmpty && model.pictures.giveRatio
        if isFree, request.aspectRatio != nil || request.width != nil || request.height != nil {
            refuse("aspect_ratio", "the picture gives the clip its ratio here; leave it out")
            return nil
        }
        guard let (format, ratio) = asked(seconds) else { return nil }
        let hasReferences = pictures.contains { $0.role == .reference }
        if hasReferences, let lengths = model.pictures.referenceLengths, !lengths.contains(seconds) {
            let list = lengths.map(String.init).joined(separator: ", ")
            refuse("duration", "clips with pictures of what they show are \(list) s long here")
            return nil
        }
        if let lengths = format.lengths, !lengths.contains(seconds) {
            let list = lengths.map(String.init).joined(separator: ", ")
            refuse("duration", "clips of \(format.name) are \(list) s long here")
            return nil
        }
        return (format, ratio)
    }

    private mutating func asked(_ seconds: Int) -> (CloudModel.Format, AspectRatio)? {
        if let width = request.width, let height = request.height {
            let wanted = RemoteProviderOptions.Size(width: width, height: height)
            for format in model.formats {
                if let ratio = model.ratios.first(where: { format.size($0) == wanted }) { return (format, ratio) }
            }
            let sizes = model.formats.flatMap { format in model.ratios.map { format.size($0).text } }
            refuse("size", "the sizes here are \(sizes.joined(separator: ", "))")
            return nil
        }
        guard request.width == nil, request.height == nil else {
            refuse("size", "width and height go together here")
            return nil
        }
        let ratio = request.aspectRatio ?? model.ratios.first ?? .landscape
        guard model.ratios.contains(ratio) else {
            refuse("aspect_ratio", "it makes only \(model.ratios.map(\.description).joined(separator: ", "))")
            return nil
        }
        guard let side = request.resolution?.shorterSide else {
            // The default of a model is one that makes the length.
            let fit = model.formats.first { $0.lengths?.contains(seconds) ?? true }
            return (fit ?? model.formats.first).map { ($0, ratio) }
        }
        guard let format = model.formats.first(where: { $0.side == side }) else {
            refuse("resolution", "the resolutions here are \(model.formats.map(\.name).joined(separator: ", "))")
            return nil
        }
        return (format, ratio)
    }
}
