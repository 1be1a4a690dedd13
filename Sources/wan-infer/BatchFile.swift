import Compute
import StrictJSON
import VideoTypes
import Weights

/// A list of clips, one a line: prompts, or objects of fields of a request.
struct BatchFile {
    /// One clip to be made.
    struct Clip {
        /// In the file, from 1.
        let line: Int
        let request: VideoRequest
    }

    let clips: [Clip]

    private static let byteLimit = 64 << 20
    private static let clipLimit = 9999

    /// Reads the whole file, so that what is wrong with a line is said before anything is made.
    ///
    /// - Parameter options: what holds for every clip whose line says nothing else.
    init(_ path: String, _ options: GenerateOptions) throws(VideoError) {
        let isJSON = path.lowercased().hasSuffix(".jsonl")
        guard isJSON || path.lowercased().hasSuffix(".txt") else {
            throw .invalid(
                "--batch reads .txt and .jsonl, got '\(OptionValues.shown(path))'",
                hint: "a .txt has a prompt on each line, a .jsonl a prompt in quotes or an object")
        }
        var clips: [Clip] = []
        for (index, bytes) in try Self.lines(path).enumerated() {
            let line = index + 1
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Self.failure(path, line, .invalid("not valid UTF-8", hint: "convert it, for example with iconv"))
            }
            guard text.contains(where: { !$0.isWhitespace }) else { continue }
            do throws(VideoError) {
                let request = try isJSON ? Self.request(json: Array(bytes), options) : Self.request(text, options)
                try request.validate()
                clips.append(Clip(line: line, request: request))
            } catch {
                throw Self.failure(path, line, error)
            }
            guard clips.count <= Self.clipLimit else {
                throw .invalid("'\(path)' has more than \(Self.clipLimit) clips", hint: "cut it into several")
            }
        }
        guard !clips.isEmpty else {
            throw .invalid("'\(path)' has no line with a clip", hint: "write a prompt on each line")
        }
        self.clips = clips
    }

    /// What is wrong with a line.
    static func failure(_ path: String, _ line: Int, _ error: VideoError) -> VideoError {
        VideoError(
            error.code, "line \(line) of '\(path)': \(error.wording)", field: error.field, remedies: error.remedies)
    }

    private static func lines(_ path: String) throws(VideoError) -> [ArraySlice<UInt8>] {
        let file: HostBytes
        do throws(WeightError) {
            // Its lines would be prompts of no sense.
            file = try ModelFolder.checked(MappedFile.open(path), file: path)
        } catch {
            let isPointer = if case .pointer = error { true } else { false }
            throw .invalid(
                "the batch cannot be read: \(error.message)",
                hint: isPointer ? error.hint : "name a file with a clip on each line")
        }
        guard file.count <= byteLimit else {
            throw .invalid(
                "'\(path)' has \(file.count) bytes, at most \(byteLimit) are read", hint: "cut it into several")
        }
        var bytes = file.copied[...]
        // A mark that some editors put in front of UTF-8.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    private static func request(_ line: String, _ options: GenerateOptions) throws(VideoError) -> VideoRequest {
        let start = line.drop(while: \.isWhitespace)
        let end = start.lastIndex { !$0.isWhitespace } ?? start.startIndex
        let prompt = String(start[...end])
        try GenerateOptions.check(prompt: prompt)
        return try options.request(over: VideoRequest(prompt: prompt))
    }

    private static func request(json: [UInt8], _ options: GenerateOptions) throws(VideoError) -> VideoRequest {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(json)
        } catch {
            throw .invalid(
                "not JSON: \(error.problem.message) at byte \(error.offset)",
                hint: "write a prompt in quotes or an object on each line")
        }
        switch value {
        case .string(let prompt): return try request(prompt, options)
        case .object(let members):
            var request = try options.request(over: VideoRequest(prompt: ""))
            try RequestMembers(members).read(into: &request)
            if request.referenceImages.isEmpty { try GenerateOptions.check(prompt: request.prompt) }
            return request
        default: throw .invalid("neither a prompt nor an object", hint: "write {\"prompt\": \"…\"}")
        }
    }
}
