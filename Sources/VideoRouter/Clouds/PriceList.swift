import Files
import HTTPClient
import StrictJSON
import VideoTypes

/// What models of clouds cost, with the day of each price: ours, or a file of the user's in front of it.
public struct PriceList: Sendable {
    private(set) var entries: [Key: Entry] = [:]

    struct Key: Hashable {
        let cloud: String
        let model: String
    }

    struct Entry: Sendable, Hashable {
        let isPerClip: Bool
        /// The first that fits the order counts.
        let rates: [Rate]
        /// For each picture beyond the free ones.
        let picture: Double
        let freePictures: Int
        let day: CalendarDay
        /// What it was before.
        let past: [PastRate]
    }

    struct PastRate: Sendable, Hashable {
        let rate: Rate
        let day: CalendarDay
    }

    struct Rate: Sendable, Hashable {
        let dollars: Double
        /// nil where any fits.
        let resolution: String?
        let sound: Bool?
        let seconds: Int?

        func fits(_ order: CloudOrder) -> Bool {
            (resolution ?? order.format.name) == order.format.name && (sound ?? order.hasSound) == order.hasSound
                && (seconds ?? order.seconds) == order.seconds
        }
    }

    /// The prices that come with the program.
    public static func builtIn() throws(RouterError) -> PriceList {
        try PriceList(Array(builtInText.utf8), "the prices of this program")
    }

    /// Those, and in their place what a file says.
    public static func withFile(_ path: String) throws(RouterError) -> PriceList {
        var list = try builtIn()
        let bytes: [UInt8]?
        do throws(FileFailure) {
            bytes = try FileBytes.read(path, limit: 4 << 20)
        } catch {
            throw RouterError(.configuration, "the price file \(path.printable) cannot be read: \(error)")
        }
        guard let bytes else { throw RouterError(.configuration, "there is no price file \(path.printable)") }
        list.entries.merge(try PriceList(bytes, "the price file \(path.printable)").entries) { $1 }
        return list
    }

    /// Nobody's.
    static let none = PriceList()

    private init() {}

    init(_ text: [UInt8], _ name: String) throws(RouterError) {
        do throws(JSONFieldError) {
            let value: JSONValue
            do throws(JSONError) {
                value = try JSONValue(text)
            } catch {
                throw JSONFieldError("", "is no JSON: \(error.problem.message) at byte \(error.offset)")
            }
            let root = try JSONFields(value)
            try root.allow(["prices"])
            let rows = try root.needed("prices", try root.array("prices", atMost: 10_000))
            for (index, row) in rows.enumerated() {
                let (key, entry) = try Self.entry(try JSONFields(row, "prices[\(index)]"))
                guard entries.updateValue(entry, forKey: key) == nil else {
                    throw JSONFieldError("prices[\(index)]", "prices \(key.cloud)'s \(key.model) a second time")
                }
            }
        } catch {
            throw RouterError(.configuration, "\(name): \(error.message)")
        }
    }

    private static let amounts = 0.0...10_000.0

    private enum Unit: String, CaseIterable {
        case second
        case clip
    }

    private enum Currency: String, CaseIterable {
        case dollars = "USD"
    }

    private static func entry(_ row: JSONFields) throws(JSONFieldError) -> (Key, Entry) {
        try row.allow([
            "cloud", "model", "currency", "date", "per", "rates", "picture", "free_pictures", "source", "past",
        ])
        let cloud = try row.needed("cloud", try row.string("cloud"))
        guard CloudNames.all.contains(cloud) else {
            throw JSONFieldError(row.path("cloud"), "must be one of \(CloudNames.all.sorted().joined(separator: ", "))")
        }
        let model = try row.needed("model", try row.string("model"))
        // Other currencies would need a rate of exchange that nobody told.
        _ = try row.needed("currency", try row.word("currency", Currency.self))
        let unit = try row.needed("per", try row.word("per", Unit.self))
        let day = try day(row)
        var rates: [Rate] = []
        for (index, value) in try row.needed("rates", try row.array("rates")).enumerated() {
            let fields = try JSONFields(value, row.path("rates[\(index)]"))
            try fields.allow(rateNames)
            rates.append(try rate(fields))
        }
        guard !rates.isEmpty else { throw JSONFieldError(row.path("rates"), "must not be empty") }
        let entry = Entry(
            isPerClip: unit == .clip, rates: rates, picture: try row.number("picture", in: amounts) ?? 0,
            freePictures: try row.integer("free_pictures", in: 0...1000) ?? 0, day: day, past: try past(row))
        return (Key(cloud: cloud, model: model), entry)
    }

    private static func day(_ fields: JSONFields) throws(JSONFieldError) -> CalendarDay {
        let text = try fields.needed("date", try fields.string("date"))
        guard let day = CalendarDay(text) else {
            throw JSONFieldError(fields.path("date"), "must be a day like 2026-11-30, got '\(text.printable)'")
        }
        return day
    }

    private static func past(_ row: JSONFields) throws(JSONFieldError) -> [PastRate] {
        var past: [PastRate] = []
        for (index, value) in (try row.array("past") ?? []).enumerated() {
            let fields = try JSONFields(value, row.path("past[\(index)]"))
            try fields.allow(rateNames.union(["date"]))
            past.append(PastRate(rate: try rate(fields), day: try day(fields)))
        }
        return past
    }

    private static let rateNames: Set<String> = ["amount", "resolution", "sound", "seconds"]

    private static func rate(_ fields: JSONFields) throws(JSONFieldError) -> Rate {
        Rate(
            dollars: try fields.needed("amount", try fields.number("amount", in: amounts)),
            resolution: try fields.string("resolution"), sound: try fields.bool("sound"),
            seconds: try fields.integer("seconds", in: 1...3600))
    }

    /// What an order costs; nil where nobody told.
    func dollars(_ order: CloudOrder, cloud: String) -> Double? {
        guard let entry = entries[Key(cloud: cloud, model: order.model.id)],
            let rate = entry.rates.first(where: { $0.fits(order) })
        else { return nil }
        let pictures = [order.first, order.last].compactMap { $0 }.count + order.references.count
        let clip = entry.isPerClip ? rate.dollars : rate.dollars * Double(order.seconds)
        return clip + entry.picture * Double(max(pictures - entry.freePictures, 0))
    }

    func entry(_ cloud: String, _ model: String) -> Entry? { entries[Key(cloud: cloud, model: model)] }

    /// When the price of a model was read.
    func day(_ cloud: String, _ model: String) -> CalendarDay? { entries[Key(cloud: cloud, model: model)]?.day }
}
