package import VideoTypes

/// What a provider makes and takes, for people who choose.
package struct ProviderOffer: Sendable, Hashable {
    package let model: String
    /// "5, 10", "2 to 15 whole"; nil where it did not tell.
    package var seconds: String?
    package var sizes: [String] = []
    /// "always", "on request", "never".
    package var sound = "never"
    package var pictures: [String] = []
    package var prices: [String] = []
    /// Of the prices.
    package var day: String?

    package var json: JSONText {
        .object([
            ("model", .string(model)), ("seconds", seconds.map(JSONText.string) ?? .null),
            ("sizes", .array(sizes.map(JSONText.string))), ("sound", .string(sound)),
            ("pictures", .array(pictures.map(JSONText.string))), ("prices", .array(prices.map(JSONText.string))),
            ("prices_of", day.map(JSONText.string) ?? .null),
        ])
    }
}

extension CloudProvider {
    package var offer: ProviderOffer {
        var offer = ProviderOffer(model: model.id)
        offer.seconds = model.lengths.text
        offer.sizes = model.formats.map { format in
            let lengths = format.lengths.map { " (\($0.map(String.init).joined(separator: ", ")) s)" } ?? ""
            let sizes = model.ratios.map { format.size($0).text }.joined(separator: " ")
            return "\(format.name)\(lengths): \(sizes)"
        }
        offer.sound =
            switch model.sound {
            case .never: "never"
            case .always: "always"
            case .chosen: "on request"
            }
        let pictures = model.pictures
        if pictures.takesFirst { offer.pictures.append(pictures.needsFirst ? "first (needed)" : "first") }
        if pictures.takesLast { offer.pictures.append("last") }
        if pictures.references > 0 { offer.pictures.append("\(pictures.references) references") }
        offer.prices = desk.prices.texts(desk.cloud.name, model.id)
        offer.day = desk.prices.day(desk.cloud.name, model.id)?.description
        return offer
    }
}

extension ProviderOffer {
    /// Of one that is no cloud, by what it says of itself.
    init(_ said: ProviderCapabilities) {
        model = said.model
        seconds = "\(Self.text(said.limits.minDurationSeconds)) to \(Self.text(said.limits.maxDurationSeconds))"
        sizes = ["up to \(said.limits.maxPixels) pixels"]
        sound = said.limits.makesAudio ? "on request" : "never"
        let count = said.limits.maxReferenceImages
        pictures = count == 0 ? [] : ["\(count)"]
        prices = ["\(Self.price(said.marginalCostPerSecond)) $/s"]
        if said.amortisedCostPerSecond > said.marginalCostPerSecond {
            prices.append("\(Self.price(said.amortisedCostPerSecond)) $/s with the machine's own price")
        }
    }

    /// To a hundred-millionth: what is measured has no end of digits.
    private static func price(_ dollars: Double) -> String {
        let parts = (dollars * 1e8).rounded()
        guard parts.isFinite, parts < 1e15 else { return "\(dollars)" }
        let digits = String(Int(parts.magnitude))
        let padded = String(repeating: "0", count: max(9 - digits.count, 0)) + digits
        let fraction = String(padded.suffix(8).reversed().drop { $0 == "0" }.reversed())
        return padded.dropLast(8) + (fraction.isEmpty ? "" : "." + fraction)
    }

    static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }
}

extension PriceList {
    /// Each rate of a model with what it is for; empty where nobody told.
    func texts(_ cloud: String, _ model: String) -> [String] {
        guard let entry = entry(cloud, model) else { return [] }
        let rates = entry.rates.map { rate in
            let terms = [
                rate.resolution, rate.sound.map { $0 ? "with sound" : "without sound" }, rate.seconds.map { "\($0) s" },
            ].compactMap(\.self).joined(separator: ", ")
            let price = "\(ProviderOffer.text(rate.dollars)) $/\(entry.isPerClip ? "clip" : "s")"
            return terms.isEmpty ? price : "\(price) \(terms)"
        }
        guard entry.picture > 0 else { return rates }
        let free = entry.freePictures > 0 ? " beyond \(entry.freePictures)" : ""
        return rates + ["\(ProviderOffer.text(entry.picture)) $ each picture\(free)"]
    }
}
