import VideoTypes

/// One model of a cloud: what it makes, as data.
struct CloudModel: Sendable, Hashable {
    /// As a configuration and the prices name it.
    let id: String
    /// As the cloud names it for clips from words, and for clips from pictures.
    var wire: String
    var pictureWire: String?
    var lengths: Lengths
    /// The first is the default.
    var formats: [Format]
    var ratios: [AspectRatio] = [.landscape, .portrait]
    var sound = Sound.never
    var pictures = Pictures()
    /// Parts with words of their own that a clip may have; 0 where it is of one piece.
    var mostShots = 0
    /// Whether it goes on from a clip of the same account by that one's own name.
    var continuesClips = false
    var promptLimit = PromptLimit(count: 4000, unit: .characters)
    /// What else of a request it takes.
    var takes: Set<Term> = []
    /// Fields of its own that change nothing of the price.
    var extras: Set<String> = []
    var fields = CloudFields()
    var qualities: Set<Quality> = [.standard]
    /// From this day on the cloud does not serve it: "2026-11-17".
    var retiresOn: CalendarDay?

    enum Lengths: Sendable, Hashable {
        case listed([Int])
        case whole(ClosedRange<Int>)

        var all: [Int] {
            switch self {
            case .listed(let list): list
            case .whole(let range): Array(range)
            }
        }

        var text: String {
            switch self {
            case .listed(let list): list.map(String.init).joined(separator: ", ")
            case .whole(let range): "\(range.lowerBound) to \(range.upperBound) whole"
            }
        }
    }

    /// A resolution under the cloud's own name.
    struct Format: Sendable, Hashable {
        let name: String
        /// The shorter side in pixels.
        let side: Int
        /// The only lengths at this resolution; nil where any of the model's goes.
        var lengths: [Int]?
        /// Where the cloud's size is not what side and ratio give.
        var sizes: [AspectRatio: RemoteProviderOptions.Size] = [:]

        func size(_ ratio: AspectRatio) -> RemoteProviderOptions.Size {
            if let size = sizes[ratio] { return size }
            let longer = Int((Double(side) * max(ratio.value, 1 / ratio.value) / 2).rounded()) * 2
            return ratio.value >= 1 ? .init(width: longer, height: side) : .init(width: side, height: longer)
        }
    }

    enum Sound: Sendable, Hashable {
        case never
        case always
        case chosen
    }

    /// The pictures that it takes.
    struct Pictures: Sendable, Hashable {
        var takesFirst = false
        var needsFirst = false
        var takesLast = false
        var references = 0
        /// The only lengths with references; nil where any goes.
        var referenceLengths: [Int]?
        /// Either pictures to begin and end with, or references.
        var referencesStandAlone = false
        var formats = Set(ReferenceImage.Format.allCases)
        var maxBytes = VideoRequest.Limits.referenceImageBytes
        /// The clip has the picture's own ratio, whatever is asked for.
        var giveRatio = false
    }

    struct PromptLimit: Sendable, Hashable {
        let count: Int
        let unit: Unit

        enum Unit: Sendable, Hashable {
            case characters
            case utf16Units
        }

        func count(_ text: String) -> Int { unit == .characters ? text.unicodeScalars.count : text.utf16.count }
    }
}

/// How one model's own input names what the others say in one way: for clouds that hand it through.
struct CloudFields: Sendable, Hashable {
    var seconds: String? = "duration"
    var secondsStyle = Style.number
    var resolution: String?
    var ratio: String?
    var sound: String?
    var first: String?
    var last: String?
    /// Added to every order.
    var fixed: [String: JSONText] = [:]

    enum Style: Sendable, Hashable {
        case number
        /// "8"
        case text
        /// "8s"
        case suffixed

        func write(_ seconds: Int) -> JSONText {
            switch self {
            case .number: .integer(seconds)
            case .text: .string("\(seconds)")
            case .suffixed: .string("\(seconds)s")
            }
        }
    }
}
