import VideoTypes

/// A field that a request for a clip may have, under the name that SGLang and vLLM-Omni use too.
struct Parameter: Hashable {
    let name: String

    private init(own name: String) { self.name = name }

    /// What every request of this term is read from.
    private static func field(_ term: Term) -> Parameter {
        Parameter(own: RequestField[term]?.parameter?.name ?? term.rawValue)
    }

    static let prompt = field(.prompt)
    static let size = field(.size)
    static let inputReference = field(.referenceImages)
    static let lastInputReference = field(.lastImage)
    static let extras = field(.extras)
    static let model = Parameter(own: "model")
    static let boundaryRatio = Parameter(own: "boundary_ratio")
    static let lora = field(.adapters)
    static let priority = Parameter(own: "priority")
    static let webhook = Parameter(own: "webhook_url")
    static let expiresAfter = Parameter(own: "expires_after")
    static let metadata = Parameter(own: "metadata")
    static let dryRun = Parameter(own: "dry_run")

    static let all =
        RequestField.all.compactMap { Parameter($0) }
        + [model, boundaryRatio, priority, webhook, expiresAfter, metadata, dryRun]

    /// The one of this name; nil where there is none.
    init?(_ name: String) {
        guard let known = Self.all.first(where: { $0.name == name }) else { return nil }
        self = known
    }

    /// A field of the clip by itself, even a side; nil where it has no name here.
    init?(_ field: RequestField) {
        guard let parameter = field.parameter else { return nil }
        self.init(own: parameter.name)
    }

    /// The field that a part of a request is here; nil where there is none.
    init?(_ term: Term) {
        // Sides are asked for as one size by most.
        let term = [.width, .height].contains(term) ? .size : term
        guard term != .model else {
            self = .model
            return
        }
        guard let field = RequestField[term] else { return nil }
        self.init(field)
    }

    /// Other names that people try.
    private static let synonyms: [String: Parameter] = {
        var synonyms = ["callback_url": webhook, "webhook": webhook]
        for field in RequestField.all {
            for name in field.otherNames + [field.jsonName] { synonyms[name] = Parameter(field) }
        }
        return synonyms
    }()

    /// The known name that somebody who wrote `name` probably meant.
    static func nearest(to name: String) -> Parameter? {
        let name = name.lowercased()
        guard name.utf8.count <= 40 else { return nil }
        if let parameter = synonyms[name] { return parameter }
        let ranked = all.map { (parameter: $0, distance: distance(name, $0.name)) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(2, best.parameter.name.utf8.count / 3) ? best.parameter : nil
    }

    /// Letters to insert, remove, replace or swap with their neighbour.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        var before = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var line = [row + 1]
            for (column, other) in right.enumerated() {
                let replaced = last[column] + (byte == other ? 0 : 1)
                var best = min(line[column] + 1, last[column + 1] + 1, replaced)
                if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
                    best = min(best, before[column - 1] + 1)
                }
                line.append(best)
            }
            before = last
            last = line
        }
        return last[right.count]
    }
}

extension Vocabulary {
    /// The words of those who order clips: what is the owner's of this machine has no name.
    static let api = Vocabulary { term, value in
        let name = term == .model ? Parameter.model.name : RequestField[term]?.parameter?.name
        return name.map { name in value.map { "\(name) = \($0)" } ?? name }
    }
}
