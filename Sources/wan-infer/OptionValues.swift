import Media
import StrictJSON
import VideoTypes

/// Texts of options read as the kinds of value that they stand for.
struct OptionValues {
    private let texts: [String: String]
    /// Of options that were given once or more.
    private let lists: [String: [String]]

    init(_ texts: [String: String], lists: [String: [String]] = [:]) {
        self.texts = texts
        self.lists = lists
    }

    func text(_ name: String) -> String? { texts[name] }

    func integer(_ name: String, in range: ClosedRange<Int>? = nil) throws(VideoError) -> Int? {
        guard let text = texts[name] else { return nil }
        guard let value = Int(text) ?? JSONNumber.whole(text).flatMap({ Int($0) }) else {
            let problem = JSONNumber.whole(text) == nil ? "must be a whole number" : "is too large"
            throw .invalid(
                "--\(name) \(problem), got '\(Self.shown(text))'",
                hint: "example: --\(name) \(Self.examples[name, default: 16])")
        }
        if let range, !range.contains(value) {
            throw .invalid("--\(name) must be between \(range.lowerBound) and \(range.upperBound), got \(value)")
        }
        return value
    }

    /// What a model, a machine and a system take.
    private static let examples = ["frames": 17, "width": 832, "height": 480, "port": 8080, "threads": 2]

    func number(_ name: String) throws(VideoError) -> Double? {
        guard let text = texts[name] else { return nil }
        return try Self.number(text[...], name)
    }

    /// Numbers between commas.
    func numbers(_ name: String) throws(VideoError) -> [Double]? {
        guard let text = texts[name] else { return nil }
        var values: [Double] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            values.append(try Self.number(part, name))
        }
        return values
    }

    /// Words between commas.
    func list(_ name: String) -> [String] {
        (texts[name] ?? "").split(separator: ",").map { $0.filter { !$0.isWhitespace } }
    }

    /// A price.
    func dollars(_ name: String) throws(VideoError) -> Double? {
        guard let value = try number(name) else { return nil }
        guard (0...1000).contains(value) else { throw .invalid("--\(name) must be between 0 and 1000, got \(value)") }
        return value
    }

    /// An amount of memory, in bytes.
    func gigabytes(_ name: String) throws(VideoError) -> Int? {
        guard let value = try number(name) else { return nil }
        guard (0.1...100_000).contains(value) else {
            throw .invalid(
                "--\(name) must be between 0.1 and 100000 GB, got \(value)", hint: "example: --\(name) 12")
        }
        return Int(value * 1e9)
    }

    func choice(_ name: String, _ known: [String]) throws(VideoError) -> String? {
        guard let text = texts[name] else { return nil }
        guard known.contains(text) else {
            throw .invalid("--\(name) must be one of \(known.joined(separator: ", ")), got '\(Self.shown(text))'")
        }
        return text
    }

    /// "832x480", as the API says it.
    func size() throws(VideoError) -> (width: Int, height: Int)? {
        guard let text = texts["size"] else { return nil }
        let sides = text.lowercased().split(whereSeparator: { $0 == "x" || $0 == "×" || $0 == "*" }).map { Int($0) }
        guard sides.count == 2, let width = sides[0], let height = sides[1] else {
            throw .invalid("--size must be width x height, got '\(Self.shown(text))'", hint: "example: --size 832x480")
        }
        return (width, height)
    }

    /// Files that are read whole; what is in them is looked at with the rest of the request.
    func pictures() throws(VideoError) -> [ReferenceImage] {
        var images: [ReferenceImage] = []
        for role in [PictureRole.first, .last] {
            guard let path = RequestField[role.term]?.option.flatMap({ text($0) }) else { continue }
            do throws(PictureError) {
                images.append(try PictureFile(path: path).image(role))
            } catch {
                throw error.videoError(about: role.term)
            }
        }
        return images
    }

    private func seed(_ name: String) throws(VideoError) -> UInt64? {
        guard let text = texts[name] else { return nil }
        guard let value = UInt64(text) ?? JSONNumber.whole(text).flatMap({ UInt64($0) }) else {
            throw .invalid(
                "--\(name) must be a whole number from 0 to \(UInt64.max), got '\(Self.shown(text))'",
                hint: "leave --\(name) out for a random one")
        }
        return value
    }

    /// Puts what a field's option says into a request; its range is checked with the rest of the request.
    func read(
        _ field: RequestField, _ isSwitchedOn: (String) -> Bool, into request: inout VideoRequest
    ) throws(VideoError) {
        guard let name = field.option else { return }
        switch field.value {
        case .text(let path): request[keyPath: path] = text(name)
        case .integer(let path, _): request[keyPath: path] = try integer(name)
        case .number(let path, _): request[keyPath: path] = try number(name)
        case .numbers(let path): request[keyPath: path] = try numbers(name)
        case .seed(let path): request[keyPath: path] = try seed(name)
        case .flag(let path): request[keyPath: path] = isSwitchedOn(name)
        case .word(let word):
            guard let text = text(name), !word.read(text, &request) else { return }
            throw .invalid("--\(name) must be \(word.rule), got '\(Self.shown(text))'")
        case .words(let word):
            for text in lists[name] ?? [] {
                guard word.read(text, &request) else {
                    throw .invalid("--\(name) must be \(word.rule), got '\(Self.shown(text))'")
                }
            }
        case .special: return
        }
    }

    private static func number(_ text: Substring, _ name: String) throws(VideoError) -> Double {
        guard let value = Double(text) else {
            throw .invalid("--\(name) must be a number, got '\(shown(String(text)))'", hint: "example: --\(name) 1.0")
        }
        return value
    }

    /// Cut, so that a stray file in an argument does not fill the screen.
    static func shown(_ text: String) -> String {
        text.count <= 60 ? text : text.prefix(60) + "…"
    }
}
