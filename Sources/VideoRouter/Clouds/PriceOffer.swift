import VideoTypes

/// One price of a list: what a second of video costs at a model of a cloud.
package struct PriceOffer: Sendable, Hashable {
    package let cloud: String
    package let model: String
    /// nil where any goes.
    package let resolution: String?
    package let sound: Bool?
    /// Of clips that are paid as a whole.
    package let clipSeconds: Int?
    package let dollarsPerSecond: Double
    /// When it was read.
    package let day: CalendarDay
    /// From this day on the cloud does not serve the model.
    package let retiresOn: CalendarDay?

    package func isServed(on today: CalendarDay) -> Bool { retiresOn.map { today < $0 } ?? true }
}

extension PriceList {
    /// Every price of which it can be said what a second comes to, the cheapest first.
    package var offers: [PriceOffer] {
        entries.flatMap { key, entry in
            let retiresOn = Self.model(key)?.retiresOn
            return entry.rates.compactMap { rate -> PriceOffer? in
                guard let seconds = entry.isPerClip ? rate.seconds : 1 else { return nil }
                return PriceOffer(
                    cloud: key.cloud, model: key.model, resolution: rate.resolution, sound: rate.sound,
                    clipSeconds: rate.seconds, dollarsPerSecond: rate.dollars / Double(seconds), day: entry.day,
                    retiresOn: retiresOn)
            }
        }.sorted { ($0.dollarsPerSecond, $0.text) < ($1.dollarsPerSecond, $1.text) }
    }

    /// What is known of a model besides its price; nil for one that only the list knows.
    private static func model(_ key: Key) -> CloudModel? {
        var options = CloudOptions(cloud: key.cloud, folder: "")
        // Any: nothing is asked there.
        (options.project, options.location) = ("project", "location")
        return try? CloudCatalogue.cloud(options).cloud.model(key.model)
    }
}

extension PriceOffer {
    /// "fal/kling-v3-pro, 1080p, silent".
    package var text: String { ([name] + terms).joined(separator: ", ") }

    package var name: String { "\(cloud)/\(model)" }

    /// What the price depends on, in words.
    package var terms: [String] {
        [
            resolution, sound.map { $0 ? "with sound" : "silent" }, clipSeconds.map { "clips of \($0) s" },
        ].compactMap { $0 }
    }
}
