extension VideoRequest {
    /// Checks shots, cast and what is gone on from.
    func validateStory() throws(VideoError) {
        try validateShots()
        let cast = cast ?? []
        guard cast.count <= Limits.cast, Set(cast).count == cast.count else {
            throw .invalid(
                "\(.cast) must have at most \(Limits.cast) names, none of them twice, got \(cast.count)", field: .cast,
                hint: "name each once")
        }
        for name in cast where !(1...Limits.castNameBytes).contains(name.utf8.count) || name.utf8.contains(0) {
            throw .invalid(
                "a name of \(.cast) must have 1 to \(Limits.castNameBytes) bytes, none zero, got \(name.utf8.count)",
                field: .cast, hint: "example: \(.cast, "anna")")
        }
        if let continues, !(1...Limits.idBytes).contains(continues.utf8.count) {
            throw .invalid(
                """
                \(.continues) must be the id of a former request, of 1 to \(Limits.idBytes) bytes, got \
                \(continues.utf8.count)
                """,
                field: .continues, hint: "it is the id of that clip's request")
        }
        if continues != nil, referenceImages.contains(where: { $0.role == .first }) {
            throw .invalid(
                "a clip that goes on from another begins with its last frame, and a first picture is given",
                field: .continues, hint: "leave one of the two out")
        }
    }

    private func validateShots() throws(VideoError) {
        guard let shots else { return }
        guard (1...Limits.shots).contains(shots.count) else {
            throw .invalid(
                "\(.shots) must be 1 to \(Limits.shots) shots, got \(shots.count)", field: .shots,
                hint: "example: \(.shots, "3: a door opens")")
        }
        for shot in shots {
            // A NaN is in no range.
            guard Limits.durationSeconds.contains(shot.durationSeconds) else {
                throw .invalid(
                    """
                    a shot must last \(Limits.durationSeconds.lowerBound) to \(Limits.durationSeconds.upperBound) s, \
                    got \(shot.durationSeconds)
                    """,
                    field: .shots, hint: "example: \(.shots, "3: a door opens")")
            }
            guard shot.prompt.utf8.count <= Limits.promptBytes, !shot.prompt.utf8.contains(0) else {
                throw .invalid(
                    """
                    the words of a shot have \(shot.prompt.utf8.count) bytes or a zero byte, the limit is \
                    \(Limits.promptBytes)
                    """,
                    field: .shots, hint: "shorten them")
            }
        }
        let sum = shots.reduce(0) { $0 + $1.durationSeconds }
        if let durationSeconds, abs(sum - durationSeconds) > 1e-6 {
            throw .invalid(
                "the shots last \(sum) s together, and \(.duration) is \(durationSeconds)", field: .shots,
                hint: "leave \(.duration) out, the shots say it")
        }
    }
}

extension VideoRequest {
    /// The length that is asked for, by itself or by its shots; nil where the model chooses.
    package var wantedSeconds: Double? {
        if let frames, let framesPerSecond, framesPerSecond > 0 { return Double(frames) / Double(framesPerSecond) }
        return durationSeconds ?? shots.map { $0.reduce(0) { $0 + $1.durationSeconds } }
    }
}
