import Glibc

/// The head of a journal, by which ours are told from other people's files without SQLite, which would write.
enum JournalHead {
    /// "WANJ".
    static let applicationID = 0x5741_4E4A

    private static let magic = Array("SQLite format 3\0".utf8)
    /// https://sqlite.org/fileformat2.html, the database header.
    private static let applicationIDPlace = 68
    private static let logHeadBytes = 32
    private static let frameHeadBytes = 24

    /// - Parameter log: the write-ahead log: a journal that was never folded up has its head there alone.
    static func isOurs(_ journal: Int32, log: Int32?) -> Bool {
        guard let head = bytes(journal, 0, 100), head.starts(with: magic) else { return false }
        let found = number(head, applicationIDPlace)
        if found == 0, let log { return applicationID(inLog: log) == applicationID }
        return found == applicationID
    }

    /// Of the newest first page in the log.
    private static func applicationID(inLog log: Int32) -> Int? {
        guard let head = bytes(log, 0, logHeadBytes), number(head, 0) & ~1 == 0x377F_0682 else { return nil }
        let pageBytes = number(head, 8)
        guard (512...65_536).contains(pageBytes) else { return nil }
        var found: Int?
        var place = logHeadBytes
        while let frame = bytes(log, place, frameHeadBytes) {
            if number(frame, 0) == 1, let page = bytes(log, place + frameHeadBytes, 100) {
                found = number(page, applicationIDPlace)
            }
            place += frameHeadBytes + pageBytes
        }
        return found
    }

    /// Most significant first.
    private static func number(_ bytes: [UInt8], _ place: Int) -> Int {
        bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    /// nil where there are fewer.
    private static func bytes(_ file: Int32, _ place: Int, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return unsafe pread(file, &bytes, count, place) == count ? bytes : nil
    }
}
