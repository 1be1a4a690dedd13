import VideoTypes

/// What the engine that pretends shall do, as words of the prompt or of the variable `WAN_FAKE`.
///
/// `fake:step=0.05` takes so many seconds a step, `fake:load=1` to load, `fake:joules=7` so much energy for the clip;
/// `fake:fail=out_of_memory@3` fails at step 3, `fake:crash@3` dies there, `fake:hang@3` stays there for ever;
/// `fake:once` lets each of these happen to a clip only the first time; `fake:held` waits in front of every step until
/// `FakeLeave` has been given for it.
struct FakeScript {
    var secondsPerStep = 0.0
    var loadSeconds = 0.0
    var joules: Double?
    var accident: (kind: Accident, step: Int)?
    var once = false
    var isHeld = false

    enum Accident: Equatable {
        case fail(VideoError.Code)
        case crash
        case hang
    }

    /// - Parameter texts: later ones go before earlier ones; words that are no instruction are passed over.
    init(_ texts: [String]) {
        for word in texts.flatMap({ $0.split(separator: " ") }) where word.hasPrefix("fake:") {
            take(word.dropFirst("fake:".count))
        }
    }

    private mutating func take(_ word: Substring) {
        let parts = word.split(separator: "@", maxSplits: 1)
        let step = parts.count == 2 ? Int(parts[1]) ?? 1 : 1
        let pair = (parts.first ?? "").split(separator: "=", maxSplits: 1)
        let value = pair.count == 2 ? String(pair[1]) : ""
        switch pair.first {
        case "step": secondsPerStep = Double(value) ?? 0
        case "load": loadSeconds = Double(value) ?? 0
        case "joules": joules = Double(value)
        case "fail": accident = (.fail(VideoError.Code(named: value)), step)
        case "crash": accident = (.crash, step)
        case "hang": accident = (.hang, step)
        case "once": once = true
        case "held": isHeld = true
        default: break
        }
    }
}
