package import VideoTypes

/// What somebody asks the service for: the clip, and how the job is to be treated.
package struct CreateRequest: Sendable, Equatable {
    package var video: VideoRequest
    /// nil for the one that is served.
    package var model: String?
    /// Higher goes first.
    package var priority: Int
    package var webhook: String?
    package var expiresAfterSeconds: Int?
    package var metadata: [String: String]
    /// Only tell what would be made.
    package var isDryRun: Bool
    /// The file or data URL to begin from.
    package var reference: [UInt8]?
    /// The same to end with.
    package var lastReference: [UInt8]?
}

extension CreateRequest {
    package enum Limits {
        package static let promptBytes = 8 * 1024
        package static let priority = -100...100
        package static let expiresAfterSeconds = 60...30 * 86_400
        package static let metadataPairs = 16
        package static let metadataKeyBytes = 64
        package static let metadataValueBytes = 512
        package static let urlBytes = 2048
    }

    package init(_ fields: [String: FieldValue]) throws(APIError) {
        let reader = try FieldReader(fields)
        guard let prompt = try reader.text(.prompt, maxBytes: Limits.promptBytes) else {
            throw APIError(400, "missing_required_parameter", "a prompt is needed", parameter: "prompt")
        }
        reference = try ReferenceField.bytes(reader.value(.inputReference), .inputReference)
        lastReference = try ReferenceField.bytes(reader.value(.lastInputReference), .lastInputReference)
        // A picture says what to show.
        guard prompt.contains(where: { !$0.isWhitespace }) || prompt.isEmpty && reference != nil else {
            throw .invalid("prompt", "is empty")
        }
        var video = VideoRequest(prompt: prompt)
        for field in RequestField.all { try reader.read(field, into: &video) }
        try video.readSize(reader)
        video.extras = try Self.extras(reader)
        self.video = video
        model = try reader.text(.model, maxBytes: 256)
        priority = try reader.integer(.priority, in: Limits.priority) ?? 0
        webhook = try reader.text(.webhook, maxBytes: Limits.urlBytes)
        expiresAfterSeconds = try reader.integer(.expiresAfter, in: Limits.expiresAfterSeconds)
        metadata = try Self.metadata(reader)
        isDryRun = try reader.flag(.dryRun) ?? false
        try Self.refuseUnknownParts(reader)
    }

    /// What can be named but not had.
    private static func refuseUnknownParts(_ reader: FieldReader) throws(APIError) {
        if try reader.number(.boundaryRatio, in: 0...1) != nil {
            throw .invalid("boundary_ratio", "is set by the model here; leave it out", code: "unsupported_parameter")
        }
    }

    private static func metadata(_ reader: FieldReader) throws(APIError) -> [String: String] {
        guard let value = reader.value(.metadata) else { return [:] }
        guard case .object(let members) = value else {
            throw .invalid("metadata", "must be pairs of texts", code: "invalid_type")
        }
        guard members.count <= Limits.metadataPairs else {
            throw .invalid("metadata", "has more than \(Limits.metadataPairs) pairs")
        }
        var pairs: [String: String] = [:]
        for (key, value) in members {
            let key = try FieldReader.text(.string(key), "metadata", maxBytes: Limits.metadataKeyBytes)
            pairs[key] = try FieldReader.text(value, "metadata", maxBytes: Limits.metadataValueBytes)
        }
        return pairs
    }

    private static func extras(_ reader: FieldReader) throws(APIError) -> [String: JSONText] {
        guard let value = reader.value(.extras) else { return [:] }
        guard case .object(let members) = value else {
            throw .invalid("extras", "must be an object", code: "invalid_type")
        }
        var extras: [String: JSONText] = [:]
        for (key, value) in members { extras[key] = try json(value) }
        return extras
    }

    private static func json(_ value: FieldValue) throws(APIError) -> JSONText {
        switch value {
        case .text(let text), .string(let text): return .string(text)
        case .bool(let value): return .bool(value)
        case .number(let text):
            if let integer = Int(text) { return .integer(integer) }
            guard let number = Double(text), number.isFinite else {
                throw .invalid("extras", "holds a number that is out of range")
            }
            return .number(number)
        case .list(let values):
            var list: [JSONText] = []
            for value in values { list.append(try json(value)) }
            return .array(list)
        case .object(let members):
            var pairs: [(String, JSONText)] = []
            for (key, value) in members.sorted(by: { $0.key < $1.key }) { pairs.append((key, try json(value))) }
            return .object(pairs)
        case .file: throw .invalid("extras", "takes no files", code: "invalid_type")
        }
    }
}

extension VideoRequest {
    /// Width and height come together, or as one text, or in other words.
    fileprivate mutating func readSize(_ reader: FieldReader) throws(APIError) {
        guard (width == nil) == (height == nil) else {
            throw .invalid(width == nil ? "width" : "height", "is missing; width and height come together")
        }
        if let text = try reader.text(.size, maxBytes: 64) {
            guard let size = ClipSize(text), Limits.side.contains(size.width), Limits.side.contains(size.height) else {
                throw .invalid("size", "must be WIDTHxHEIGHT, as 1280x720, each at most \(Limits.side.upperBound)")
            }
            guard width == nil else { throw .twice("size", "width") }
            width = size.width
            height = size.height
        }
        if resolution != nil, width != nil { throw .twice("resolution", "size") }
        if aspectRatio != nil, width != nil { throw .twice("aspect_ratio", "size") }
    }
}

extension APIError {
    /// Two fields that say the same thing.
    static func twice(_ parameter: String, _ other: String) -> APIError {
        .invalid(parameter, "and \(other) say the same thing; leave one of them out", code: "duplicate_parameter")
    }
}
