/// The one error that leaves the engine: a code for programs, a message and remedies for people.
public struct VideoError: Error, Sendable, Hashable {
    public let code: Code
    /// What was wrong, with the values found and expected; begins in lower case.
    public let wording: Wording
    /// The part of the request that it is about; nil where it is about none.
    public let field: Term?
    /// What to do about it: each by itself, the nearest first.
    public let remedies: [Wording]

    public init(_ code: Code, _ wording: Wording, field: Term? = nil, remedies: [Wording]) {
        self.code = code
        self.wording = wording
        self.field = field
        self.remedies = remedies
    }

    public init(_ code: Code, _ wording: Wording, field: Term? = nil, hint: Wording? = nil) {
        self.init(code, wording, field: field, remedies: hint.map { [$0] } ?? [])
    }

    /// Of texts without terms, as rooms write them that know of no requests.
    package init(_ code: Code, plain message: String, hint: String?) {
        self.init(code, Wording(plain: message), hint: hint.map { Wording(plain: $0) })
    }

    package static func invalid(_ wording: Wording, field: Term? = nil, hint: Wording? = nil) -> VideoError {
        VideoError(.invalidRequest, wording, field: field, hint: hint)
    }

    /// In the words of this library, as the hint.
    public var message: String { message(in: .library) }

    public var hint: String? { hint(in: .library) }

    public func message(in vocabulary: Vocabulary) -> String { wording.text(in: vocabulary) ?? wording.text }

    /// The remedies that somebody with these words has; nil where there are none.
    public func hint(in vocabulary: Vocabulary) -> String? {
        let texts = remedies.compactMap { $0.text(in: vocabulary) }
        return texts.isEmpty ? nil : texts.joined(separator: "; ")
    }
}

/// Errors that were written before remedies were values have one, as a text.
extension VideoError: Codable {
    private enum CodingKeys: String, CodingKey {
        case code, message, field, remedies, hint
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        code = try values.decode(Code.self, forKey: .code)
        wording = try values.decode(Wording.self, forKey: .message)
        field = try values.decodeIfPresent(Term.self, forKey: .field)
        remedies =
            try values.decodeIfPresent([Wording].self, forKey: .remedies)
            ?? values.decodeIfPresent(Wording.self, forKey: .hint).map { [$0] } ?? []
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(code, forKey: .code)
        try values.encode(wording, forKey: .message)
        try values.encodeIfPresent(field, forKey: .field)
        try values.encode(remedies, forKey: .remedies)
    }
}

extension VideoError {
    /// The kinds of failure.
    ///
    /// More may come: match with a default.
    public struct Code: Sendable, Hashable, Codable {
        public let name: String
        /// Exit status of the command.
        public let exitStatus: Int32
        public let httpStatus: Int

        public static let invalidRequest = Code(name: "invalid_request", exitStatus: 2, httpStatus: 400)
        public static let modelNotFound = Code(name: "model_not_found", exitStatus: 3, httpStatus: 404)
        public static let weightsInvalid = Code(name: "weights_invalid", exitStatus: 4, httpStatus: 422)
        public static let outOfMemory = Code(name: "out_of_memory", exitStatus: 5, httpStatus: 507)
        public static let deviceUnavailable = Code(name: "device_unavailable", exitStatus: 6, httpStatus: 500)
        public static let deviceLost = Code(name: "device_lost", exitStatus: 7, httpStatus: 500)
        public static let mediaFailed = Code(name: "media_failed", exitStatus: 8, httpStatus: 500)
        public static let outputFailed = Code(name: "output_failed", exitStatus: 9, httpStatus: 500)
        public static let deviceNotFound = Code(name: "device_not_found", exitStatus: 10, httpStatus: 500)
        public static let driverTooOld = Code(name: "driver_too_old", exitStatus: 11, httpStatus: 500)
        public static let compilerMissing = Code(name: "compiler_missing", exitStatus: 12, httpStatus: 500)
        public static let cacheUnusable = Code(name: "cache_unusable", exitStatus: 13, httpStatus: 500)
        public static let workerCrashed = Code(name: "worker_crashed", exitStatus: 14, httpStatus: 500)
        public static let outputLost = Code(name: "output_lost", exitStatus: 15, httpStatus: 410)
        public static let stateUnusable = Code(name: "state_unusable", exitStatus: 16, httpStatus: 500)
        public static let diskFull = Code(name: "disk_full", exitStatus: 17, httpStatus: 507)
        /// The model computed infinities, or what is no number.
        public static let notFinite = Code(name: "not_finite", exitStatus: 18, httpStatus: 500)
        /// A model could not be fetched.
        public static let fetchFailed = Code(name: "fetch_failed", exitStatus: 19, httpStatus: 502)
        /// Refused for its content.
        public static let contentPolicy = Code(name: "content_policy_violation", exitStatus: 20, httpStatus: 400)
        public static let budgetExceeded = Code(name: "budget_exceeded", exitStatus: 21, httpStatus: 402)
        public static let deadlineExceeded = Code(name: "deadline_exceeded", exitStatus: 22, httpStatus: 504)
        /// Those who could make the clip are down, busy or failing.
        public static let noProvider = Code(name: "no_provider_available", exitStatus: 23, httpStatus: 503)
        public static let internalError = Code(name: "internal_error", exitStatus: 70, httpStatus: 500)
        public static let cancelled = Code(name: "cancelled", exitStatus: 130, httpStatus: 499)

        public static let all = [
            invalidRequest, modelNotFound, weightsInvalid, outOfMemory, deviceUnavailable, deviceLost, mediaFailed,
            outputFailed, deviceNotFound, driverTooOld, compilerMissing, cacheUnusable,
            workerCrashed, outputLost, stateUnusable, diskFull, notFinite, fetchFailed, contentPolicy,
            budgetExceeded, deadlineExceeded, noProvider, internalError, cancelled,
        ]

        /// The code of this name; `internalError` for a name we do not know.
        public init(named name: String) {
            self = Self.all.first { $0.name == name } ?? .internalError
        }

        private init(name: String, exitStatus: Int32, httpStatus: Int) {
            self.name = name
            self.exitStatus = exitStatus
            self.httpStatus = httpStatus
        }

        /// Written as its name alone.
        public init(from decoder: any Decoder) throws {
            self.init(named: try decoder.singleValueContainer().decode(String.self))
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(name)
        }
    }
}
