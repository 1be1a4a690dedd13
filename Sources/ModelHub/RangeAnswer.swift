import HTTPClient

/// What an answer may bring of a file, and whether it brings that.
struct RangeAnswer {
    private let range: Range<Int>
    private let file: HubFile
    private let host: String
    /// The next byte that is wanted, and the one that comes next: a server that ignores ranges begins at 0.
    private var wanted: Int
    private var coming: Int?
    private var isOfWholeFile = false

    init(_ range: Range<Int>, of file: HubFile, host: String) {
        self.range = range
        self.file = file
        self.host = host
        wanted = range.lowerBound
    }

    var isDone: Bool { wanted >= range.upperBound }

    /// Whether only what was not asked for is still to come.
    var bringsMore: Bool { isDone && isOfWholeFile && (coming ?? 0) < file.bytes }

    /// What of a piece belongs to the range.
    mutating func wanted(of piece: [UInt8], _ head: HTTPAnswer) throws(HubError) -> ArraySlice<UInt8> {
        let begin = if let coming { coming } else { try begin(head) }
        coming = begin + piece.count
        // Content-Length bounds what comes; where there is none, this does.
        guard begin + piece.count <= (isOfWholeFile ? file.bytes : range.upperBound) else {
            throw .badAnswer(host: host, problem: "\(file.path): more bytes than were asked for")
        }
        let kept = piece.dropFirst(max(wanted - begin, 0)).prefix(range.upperBound - wanted)
        wanted += kept.count
        return kept
    }

    /// The place in the file of the first byte that comes.
    private mutating func begin(_ head: HTTPAnswer) throws(HubError) -> Int {
        if let coding = head["content-encoding"], coding.lowercased() != "identity" {
            throw .badAnswer(host: host, problem: "\(file.path): encoded as \(coding)")
        }
        switch head.status {
        case 200:
            isOfWholeFile = true
            if let text = head["content-length"] { try check(total: Int(text)) }
            return 0
        case 206:
            guard let field = head["content-range"], let (begin, total) = Self.parsed(field) else {
                throw .badAnswer(host: host, problem: "\(file.path): a part without its place in the file")
            }
            if let total { try check(total: total) }
            guard begin == range.lowerBound else {
                throw .badAnswer(
                    host: host, problem: "\(file.path): bytes from \(begin) instead of \(range.lowerBound)")
            }
            return begin
        default: throw .badAnswer(host: host, problem: "\(file.path): status \(head.status)")
        }
    }

    private func check(total: Int?) throws(HubError) {
        guard total != file.bytes else { return }
        throw .size(path: file.path, expected: file.bytes, found: total ?? -1, declaredBy: "the list of files")
    }

    /// "bytes 5-9/10"; no total for "bytes 5-9/*".
    static func parsed(_ field: String) -> (begin: Int, total: Int?)? {
        let words = field.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let dash = parts[0].firstIndex(of: "-") else { return nil }
        guard let begin = Int(parts[0][..<dash]), let end = Int(parts[0][parts[0].index(after: dash)...]),
            begin >= 0, end >= begin
        else { return nil }
        guard parts[1] != "*" else { return (begin, nil) }
        guard let total = Int(parts[1]), total > end else { return nil }
        return (begin, total)
    }
}
