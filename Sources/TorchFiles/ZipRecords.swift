/// Where the records of a zip archive lie that stores them as they are.
///
/// Read from the directory at the end; PKWARE's APPNOTE 6.3, with the 64-bit fields that files of 4 GiB and more need.
package enum ZipRecords {
    package static let countLimit = 1_000_000
    package static let directoryLimit = 256 << 20

    private static let endLength = 22
    private static let commentLimit = 65_535

    /// The bytes of every record, by its name.
    package static func find(in file: RawSpan) throws(TorchProblem) -> [String: Range<Int>] {
        let directory = try findDirectory(in: file)
        guard directory.count <= countLimit else {
            throw .tooLarge("records", count: directory.count, limit: countLimit)
        }
        guard directory.range.count <= directoryLimit else {
            throw .tooLarge("bytes of directory", count: directory.range.count, limit: directoryLimit)
        }
        var records: [String: Range<Int>] = [:]
        var at = directory.range.lowerBound
        for _ in 0..<directory.count {
            let (name, range, next) = try record(in: file, at, end: directory.range.upperBound)
            guard records.updateValue(range, forKey: name) == nil else { throw .twice(record: name) }
            at = next
        }
        try checkOverlap(records)
        return records
    }

    private struct Directory {
        let range: Range<Int>
        let count: Int
    }

    private static func findDirectory(in file: RawSpan) throws(TorchProblem) -> Directory {
        let size = file.byteCount
        guard size >= endLength else { throw .notAnArchive }
        let lowest = max(0, size - endLength - commentLimit)
        var end = size - endLength
        while try number(file, end, 4) != 0x0605_4B50 {
            guard end > lowest else { throw .notAnArchive }
            end -= 1
        }
        var count = try number(file, end + 10, 2)
        var length = try number(file, end + 12, 4)
        var start = try number(file, end + 16, 4)
        if count == 0xFFFF || length == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
            guard end >= 20, try number(file, end - 20, 4) == 0x0706_4B50 else {
                throw .damaged("the 64-bit end of the directory is missing")
            }
            let place = try number(file, end - 12, 8)
            guard try number(file, place, 4) == 0x0606_4B50 else {
                throw .damaged("the 64-bit end of the directory is not where it should be")
            }
            count = try number(file, place + 32, 8)
            length = try number(file, place + 40, 8)
            start = try number(file, place + 48, 8)
        }
        guard start <= end, length <= end - start else { throw .damaged("the directory lies outside the file") }
        return Directory(range: start..<start + length, count: count)
    }

    /// The record whose entry begins at `at`, and where the next begins.
    private static func record(
        in file: RawSpan, _ at: Int, end: Int
    ) throws(TorchProblem) -> (name: String, range: Range<Int>, next: Int) {
        guard end - at >= 46, try number(file, at, 4) == 0x0201_4B50 else {
            throw .damaged("the directory ends too early")
        }
        let nameLength = try number(file, at + 28, 2)
        let extraLength = try number(file, at + 30, 2)
        let next = at + 46 + nameLength + extraLength + (try number(file, at + 32, 2))
        guard next <= end else { throw .damaged("the directory ends inside an entry") }
        let name = try text(file, at + 46, nameLength)
        guard try number(file, at + 8, 2) & 1 == 0 else { throw .damaged("record '\(name)' is encrypted") }
        guard try number(file, at + 10, 2) == 0 else { throw .compressed(record: name) }
        var size = try number(file, at + 24, 4)
        var stored = try number(file, at + 20, 4)
        var offset = try number(file, at + 42, 4)
        var extra = at + 46 + nameLength
        let extraEnd = extra + extraLength
        while extraEnd - extra >= 4 {
            let (kind, length) = (try number(file, extra, 2), try number(file, extra + 2, 2))
            var field = extra + 4
            guard length <= extraEnd - field else { throw .damaged("the entry of record '\(name)' is cut") }
            extra = field + length
            guard kind == 1 else { continue }
            if size == 0xFFFF_FFFF { size = try wide(file, &field, extra) }
            if stored == 0xFFFF_FFFF { stored = try wide(file, &field, extra) }
            if offset == 0xFFFF_FFFF { offset = try wide(file, &field, extra) }
        }
        guard size == stored else { throw .compressed(record: name) }
        // The name and the fields in front of the record may be of other lengths than in the directory.
        guard try number(file, offset, 4) == 0x0403_4B50 else {
            throw .damaged("record '\(name)' is not where the directory says")
        }
        let start = offset + 30 + (try number(file, offset + 26, 2)) + (try number(file, offset + 28, 2))
        guard start <= file.byteCount, size <= file.byteCount - start else {
            throw .damaged("record '\(name)' of \(size) bytes lies outside the file")
        }
        return (name, start..<start + size, next)
    }

    private static func wide(_ file: RawSpan, _ field: inout Int, _ end: Int) throws(TorchProblem) -> Int {
        guard end - field >= 8 else { throw .damaged("a 64-bit field is cut") }
        defer { field += 8 }
        return try number(file, field, 8)
    }

    private static func checkOverlap(_ records: [String: Range<Int>]) throws(TorchProblem) {
        var end = 0
        for (name, range) in records.sorted(by: { ($0.value.lowerBound, $0.key) < ($1.value.lowerBound, $1.key) })
        where !range.isEmpty {
            guard range.lowerBound >= end else { throw .damaged("record '\(name)' overlaps another") }
            end = range.upperBound
        }
    }

    private static func text(_ file: RawSpan, _ at: Int, _ count: Int) throws(TorchProblem) -> String {
        guard at >= 0, count <= file.byteCount - at else { throw .damaged("a name is cut") }
        return String(decoding: (at..<at + count).map { byte(file, $0) }, as: UTF8.self)
    }

    /// A little-endian number of `width` bytes at `at`.
    private static func number(_ file: RawSpan, _ at: Int, _ width: Int) throws(TorchProblem) -> Int {
        guard at >= 0, at <= file.byteCount - width else { throw .damaged("a field lies outside the file") }
        var value: UInt64 = 0
        for index in (0..<width).reversed() { value = value << 8 | UInt64(byte(file, at + index)) }
        guard let value = Int(exactly: value) else { throw .damaged("a field of \(value)") }
        return value
    }

    private static func byte(_ file: RawSpan, _ at: Int) -> UInt8 {
        // Bounds are checked by the span too.
        unsafe file.unsafeLoad(fromByteOffset: at, as: UInt8.self)
    }
}
