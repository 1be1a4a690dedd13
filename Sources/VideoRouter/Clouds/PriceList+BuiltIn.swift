extension PriceList {
    /// The same form as a file of the user's.
    ///
    /// From the catalogue of LiteLLM 1.110.2, and the clouds' own pages; past ones of a survey of February 2026, those
    /// that it gives exactly.
    static let builtInText = """
        {"prices": [
        \(openAI), \(google), \(runway), \(fal), \(rest)
        ]}
        """

    private static let dated = #""currency": "USD", "date": "2026-11-30", "per": "second""#

    private static func row(_ cloud: String, _ model: String, _ rates: String, past: String = "") -> String {
        #"{"cloud": "\#(cloud)", "model": "\#(model)", \#(dated), "rates": [\#(rates)], "past": [\#(past)]}"#
    }

    /// As published in February 2026.
    private static func past(_ amount: String, _ resolution: String? = nil) -> String {
        let name = resolution.map { #""resolution": "\#($0)", "# } ?? ""
        return #"{\#(name)"date": "2026-02-28", "amount": \#(amount)}"#
    }

    /// By resolution, the default first.
    private static func amounts(_ list: [(String, String)]) -> String {
        list.map { #"{"resolution": "\#($0.0)", "amount": \#($0.1)}"# }.joined(separator: ", ")
    }

    private static func one(_ amount: String) -> String { #"{"amount": \#(amount)}"# }

    private static func silent(_ amount: String, sound: String) -> String {
        #"{"sound": false, "amount": \#(amount)}, {"sound": true, "amount": \#(sound)}"#
    }

    private static func joined(_ rows: [String]) -> String { rows.joined(separator: ",\n") }

    private static let openAI = joined([
        row("openai", "sora-2", one("0.10"), past: past("0.10")),
        row(
            "openai", "sora-2-pro", amounts([("720p", "0.30"), ("1024p", "0.50")]),
            past: past("0.30", "720p") + ", " + past("0.50", "1024p")),
    ])

    private static let google = joined(
        ["gemini", "vertex"].flatMap { cloud in
            let ending = cloud == "gemini" ? "preview" : "001"
            return [
                row(
                    cloud, "veo-3.1-generate-\(ending)",
                    amounts([("720p", "0.40"), ("1080p", "0.40"), ("4k", "0.60")]),
                    past: cloud == "vertex" ? past("0.40", "720p") : ""),
                row(
                    cloud, "veo-3.1-fast-generate-\(ending)",
                    amounts([("720p", "0.10"), ("1080p", "0.12"), ("4k", "0.30")]),
                    past: cloud == "vertex" ? past("0.15", "720p") : ""),
                row(cloud, "veo-3.1-lite-generate-\(ending)", amounts([("720p", "0.05"), ("1080p", "0.08")])),
            ]
        } + ["1.1", "1.2"].map { row("omni", "gemini-omni-\($0)-flash", amounts([("720p", "0.10")])) })

    private static let runway = joined([
        row("runway", "gen4.5", one("0.12")), row("runway", "gen4_turbo", one("0.05"), past: past("0.05")),
        row("runway", "veo3.1", one("0.40")), row("runway", "veo3.1_fast", one("0.15")),
    ])

    private static let fal = joined([
        row("fal", "kling-v3-standard", silent("0.084", sound: "0.126")),
        row("fal", "kling-v3-pro", silent("0.112", sound: "0.168")),
        row("fal", "ltx-2", amounts([("1080p", "0.06"), ("1440p", "0.12"), ("2160p", "0.24")])),
        row("fal", "ltx-2-fast", amounts([("1080p", "0.04"), ("1440p", "0.08"), ("2160p", "0.16")])),
        row(
            "fal", "seedance-2.0",
            amounts([("720p", "0.303"), ("480p", "0.135"), ("1080p", "0.682"), ("4k", "1.56")])),
    ])

    private static let rest = joined([
        row("minimax", "MiniMax-H3", amounts([("768P", "0.08"), ("2K", "0.13")])),
        row("minimax", "MiniMax-H3-Max", amounts([("480P", "0.05"), ("768P", "0.08")])),
        clips("minimax", "MiniMax-Hailuo-2.3", [(6, "0.25"), (10, "0.52")]),
        // Of February 2026; newer ones nobody told.
        row("kling", "kling-v3", silent("0.07", sound: "0.14")).replacing("2026-11-30", with: "2026-02-28"),
    ])

    /// A price for the clip as a whole, by its length; of February 2026.
    private static func clips(_ cloud: String, _ model: String, _ list: [(Int, String)]) -> String {
        let rates = list.map { #"{"seconds": \#($0.0), "amount": \#($0.1)}"# }.joined(separator: ", ")
        return #"{"cloud": "\#(cloud)", "model": "\#(model)", "currency": "USD", "date": "2026-02-28", "per": "clip", "#
            + #""rates": [\#(rates)]}"#
    }
}
