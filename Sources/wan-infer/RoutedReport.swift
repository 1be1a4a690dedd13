import StrictJSON
import VideoRouter
import VideoTypes

/// What is said about a clip that a router had made.
struct RoutedReport {
    let request: VideoRequest
    let clip: VideoResult
    let file: RoutedClip.Taken
    /// Why it is not good enough; nil where it is.
    let emptiness: String?

    private var rate: Double { clip.durationSeconds > 0 ? Double(clip.frames) / clip.durationSeconds : 0 }

    /// For people.
    var text: String {
        var rows = [
            ("wrote", file.path),
            (
                "clip",
                "\(clip.frames) frames of \(clip.width) x \(clip.height) at \(Numbers.fixed(rate, 0))/s, "
                    + "\(Numbers.fixed(clip.durationSeconds, 2)) s, \(Numbers.bytes(file.bytes)), "
                    + (clip.hasAudio ? "with sound" : "silent")
            ), ("prompt", ResultReport.line(request.prompt)), ("made by", "\(clip.provider), \(clip.model)"),
            ("cost", cost), ("id", request.id), ("waited", Numbers.duration(clip.latencySeconds)),
        ]
        if let continuation { rows.append(("goes on", continuation)) }
        if let emptiness { rows.append(("empty", emptiness)) }
        return rows.map { $0.0 + String(repeating: " ", count: 9 - $0.0.count) + $0.1 }.joined(separator: "\n")
    }

    private var continuation: String? {
        guard case .string(let name) = clip.metadata["continues_by"] else { return nil }
        return Continuation(rawValue: name)?.start
    }

    private var cost: String {
        guard let own = clip.knownCostDollars else { return "not known: the provider tells no price" }
        let quoted: Double? = if case .number(let dollars) = clip.metadata["quoted_dollars"] { dollars } else { nil }
        let spent = spentDollars ?? own
        let all = spent > own + 1e-9 ? ", \(Numbers.dollars(spent)) with what failed before" : ""
        guard let quoted else { return Numbers.dollars(own) + all }
        return "\(Numbers.dollars(own)), quoted \(Numbers.dollars(quoted))" + all
    }

    private var spentDollars: Double? {
        guard case .object(let members) = clip.metadata["routing"] else { return nil }
        for case ("spent_dollars", .number(let dollars)) in members { return dollars }
        return nil
    }

    /// For programs.
    var json: JSONText {
        .object([
            ("file", .string(file.path)), ("bytes", .integer(file.bytes)), ("id", .string(request.id)),
            ("prompt", .string(request.prompt)),
            ("provider", .string(clip.provider)), ("model", .string(clip.model)),
            ("cost_dollars", clip.knownCostDollars.map(JSONText.number) ?? .null),
            ("spent_dollars", .number(spentDollars ?? clip.costDollars)),
            ("frames", .integer(clip.frames)), ("width", .integer(clip.width)), ("height", .integer(clip.height)),
            ("duration_seconds", .number(clip.durationSeconds)), ("has_audio", .bool(clip.hasAudio)),
            ("latency_seconds", .number(clip.latencySeconds)),
            ("empty", emptiness.map(JSONText.string) ?? .null),
            ("metadata", .object(clip.metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })),
        ])
    }
}

/// Who would make a clip, the best first, and why the others would not.
struct RankingTable {
    let findings: [ProviderFinding]

    init(_ findings: [ProviderFinding]) { self.findings = findings }

    var text: String {
        let rows = findings.map { finding -> [String] in
            let place = finding.rank.map { "\($0 + 1)" } ?? "-"
            let price = finding.costDollars.map { $0.isFinite ? Numbers.dollars($0) : "no price" } ?? ""
            let time = finding.estimate.map { "\(Numbers.duration($0.p50)) to \(Numbers.duration($0.p90))" } ?? ""
            let words = finding.obstacles.map { obstacle in
                obstacle.parameter.map { "\($0): \(obstacle.reason)" } ?? obstacle.reason
            }
            return [
                place, finding.provider, finding.quality?.rawValue ?? "", price, time,
                (words + finding.remarks).joined(separator: "; ").printable,
            ]
        }
        let head = ["", "provider", "quality", "price", "time", "what stands in the way, or is worth knowing"]
        return Self.lines([head] + rows)
    }

    /// Columns as wide as what is in them; the last one is free.
    static func lines(_ rows: [[String]]) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, text in
                column == row.count - 1 ? text : text + String(repeating: " ", count: widths[column] - text.count)
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
