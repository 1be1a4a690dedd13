import Media
import StrictJSON
import VideoTypes

/// Members of a JSON object read as fields of a request.
struct RequestMembers {
    private var values: [(field: RequestField, name: String, value: JSONValue)] = []

    /// Refuses names that no field has, and fields that are named twice.
    init(_ members: [[UInt8]: JSONValue]) throws(VideoError) {
        for (key, value) in members.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) where value != .null {
            let name = String(decoding: key, as: UTF8.self)
            guard let field = Self.fields.first(where: { Self.names($0).contains(name) }) else {
                throw .invalid(
                    "there is no field '\(name.printable)'",
                    hint: Wording(plain: "fields are " + Self.fields.map(\.jsonName).joined(separator: ", ")))
            }
            if let other = values.first(where: { $0.field.term == field.term }) {
                throw .invalid("'\(other.name)' and '\(name)' are one field", hint: "leave one of them out")
            }
            values.append((field, name, value))
        }
    }

    /// What a clip is bought for is no matter here.
    private static let fields = RequestField.all.filter { $0.part != .terms }

    private static func names(_ field: RequestField) -> [String] {
        [field.jsonName, field.option?.replacing("-", with: "_"), field.parameter?.name].compactMap(\.self)
    }

    /// Puts what the members say in the place of what the request says.
    func read(into request: inout VideoRequest) throws(VideoError) {
        let given = Set(values.map(\.field.term))
        if given.contains(.duration) { request.frames = nil }
        if given.contains(.sigmas) { request.steps = nil }
        if given.contains(.steps) { request.sigmas = nil }
        if !given.isDisjoint(with: [.resolution, .aspectRatio]) { (request.width, request.height) = (nil, nil) }
        for (field, name, value) in values { try read(field, name, value, into: &request) }
    }

    private func read(
        _ field: RequestField, _ name: String, _ value: JSONValue, into request: inout VideoRequest
    ) throws(VideoError) {
        switch field.value {
        case .text(let path): request[keyPath: path] = try Self.text(name, value)
        case .integer(let path, _): request[keyPath: path] = try Self.integer(name, value)
        case .number(let path, _): request[keyPath: path] = try Self.number(name, value)
        case .numbers(let path):
            guard case .array(let elements) = value else { throw Self.failure(name, "a list of numbers", value) }
            var numbers: [Double] = []
            for element in elements { numbers.append(try Self.number(name, element)) }
            request[keyPath: path] = numbers
        case .seed(let path):
            // Many programs round numbers above 2^53: those come as texts.
            let digits: String? =
                switch value {
                case .number(let text), .string(let text): text
                default: nil
                }
            guard let seed = digits.flatMap(JSONNumber.whole).flatMap({ UInt64($0) }) else {
                throw Self.failure(name, "a whole number from 0 to \(UInt64.max)", value)
            }
            request[keyPath: path] = seed
        case .flag(let path):
            guard case .bool(let flag) = value else { throw Self.failure(name, "true or false", value) }
            request[keyPath: path] = flag
        case .word(let word):
            guard word.read(try Self.text(name, value), &request) else { throw Self.failure(name, word.rule, value) }
        case .words(let word):
            let words: [JSONValue] = if case .array(let elements) = value { elements } else { [value] }
            word.clear(&request)
            for element in words {
                guard word.read(try Self.text(name, element), &request) else {
                    throw Self.failure(name, word.rule, element)
                }
            }
        case .special: try readSpecial(field, name, value, into: &request)
        }
    }

    private func readSpecial(
        _ field: RequestField, _ name: String, _ value: JSONValue, into request: inout VideoRequest
    ) throws(VideoError) {
        let text = try Self.text(name, value)
        switch field.term {
        case .prompt: request.prompt = text
        case .size:
            guard !values.contains(where: { [.width, .height].contains($0.field.term) }) else {
                throw .invalid("'size' says what width and height say", hint: "leave it out, or the others")
            }
            guard let size = try OptionValues(["size": text]).size() else { return }
            (request.width, request.height) = size
        case .referenceImages: try read(.first, text, field.term, into: &request)
        case .lastImage: try read(.last, text, field.term, into: &request)
        default: throw .invalid("'\(name)' cannot be said here", hint: "leave it out")
        }
    }

    private func read(
        _ role: PictureRole, _ path: String, _ term: Term, into request: inout VideoRequest
    ) throws(VideoError) {
        request.referenceImages.removeAll { $0.role == role }
        do throws(PictureError) {
            request.referenceImages.append(try PictureFile(path: path).image(role))
        } catch {
            throw error.videoError(about: term)
        }
    }

    private static func text(_ name: String, _ value: JSONValue) throws(VideoError) -> String {
        guard case .string(let text) = value else { throw failure(name, "a text", value) }
        return text
    }

    private static func integer(_ name: String, _ value: JSONValue) throws(VideoError) -> Int {
        guard case .number(let text) = value, let number = JSONNumber.whole(text).flatMap({ Int($0) }) else {
            throw failure(name, "a whole number", value)
        }
        return number
    }

    private static func number(_ name: String, _ value: JSONValue) throws(VideoError) -> Double {
        guard case .number(let text) = value, let number = Double(text), number.isFinite else {
            throw failure(name, "a number", value)
        }
        return number
    }

    private static func failure(_ name: String, _ rule: String, _ value: JSONValue) -> VideoError {
        .invalid("'\(name)' must be \(rule), got \(value.text.printable)")
    }
}
