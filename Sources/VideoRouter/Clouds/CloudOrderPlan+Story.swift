import VideoTypes

/// A part of a clip, as a cloud is told it.
struct CloudShot: Sendable, Hashable {
    /// With the words that hold for all shots in front.
    let prompt: String
    let seconds: Int
}

/// What is known of a clip that another one goes on from.
enum FormerClip: Sendable, Hashable {
    /// It is of the same account, under this name.
    case named(String)
    /// Its last frame, to begin with.
    case lastFrame(ReferenceImage)
    /// Why there is nothing to go on from.
    case missing(String)

    /// nil where there is nothing to go on from.
    var continuation: Continuation? {
        switch self {
        case .named: .formerClip
        case .lastFrame: .lastFrame
        case .missing: nil
        }
    }
}

/// How a clip goes on from a former one.
package enum Continuation: String, Sendable, Hashable, Codable {
    case formerClip = "former_clip"
    case lastFrame = "last_frame"

    /// For people: it goes on from what.
    package var start: String {
        switch self {
        case .formerClip: "from the former clip itself, which the cloud has"
        case .lastFrame: "from the former clip's last frame; motion and sound do not go on"
        }
    }
}

// Shots, cast, and what a clip goes on from.
extension CloudOrderPlan {
    mutating func check(_ former: FormerClip?) {
        // A router puts pictures and words in the place of names.
        if let name = request.cast?.first {
            refuse("cast", "nobody here knows '\(name.clipped)': characters and environments are the router's")
        }
        guard request.continues != nil else { return }
        switch former {
        case .named: return
        case .lastFrame where model.pictures.takesFirst: return
        case .lastFrame:
            refuse("continues", "it goes on only from clips of its own account, and begins with no picture")
        case .missing(let reason): refuse("continues", reason)
        case nil: refuse("continues", "no former clip is known here")
        }
    }

    /// The shots in whole seconds; nil with an obstacle where the model does not make them.
    mutating func shots(_ seconds: Int) -> [CloudShot]? {
        guard let wanted = request.shots else { return [] }
        guard wanted.count <= model.mostShots else {
            let most = model.mostShots == 0 ? "clips of one piece" : "at most \(model.mostShots) shots"
            refuse("shots", "it makes \(most)")
            return nil
        }
        var shots: [CloudShot] = []
        for shot in wanted {
            let whole = shot.durationSeconds.rounded()
            guard whole >= 1, abs(whole - shot.durationSeconds) < 1e-6 else {
                refuse("shots", "shots last whole seconds here, at least one")
                return nil
            }
            let prompt = [request.prompt, shot.prompt].filter { !$0.isEmpty }.joined(separator: " ")
            guard model.promptLimit.count(prompt) <= model.promptLimit.count else {
                refuse("shots", "the words of a shot have more than \(model.promptLimit.count) characters")
                return nil
            }
            shots.append(CloudShot(prompt: prompt, seconds: Int(whole)))
        }
        // A clip that may be longer is so at its end.
        let rest = seconds - shots.reduce(0) { $0 + $1.seconds }
        guard let last = shots.last, rest >= 0 else { return [] }
        shots[shots.count - 1] = CloudShot(prompt: last.prompt, seconds: last.seconds + rest)
        return shots
    }
}

extension String {
    /// As much of a name as a message bears.
    fileprivate var clipped: String { count <= 60 ? self : prefix(60) + "…" }
}
