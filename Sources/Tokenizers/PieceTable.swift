/// Finds pieces of text by their bytes: an open hash table over one flat buffer, with a filter of known prefixes.
///
/// Every byte is hashed once while walking through a text, and the walk ends at the first prefix that no piece has, so
/// the cost of a search is the length of what matches.
struct PieceTable: Sendable {
    private let bytes: [UInt8]
    private let ends: [Int32]
    /// Upper half of the piece's hash above the piece's number plus one; 0 for a free slot.
    private var slots: [UInt64]
    /// One bit for each hash of a prefix of a piece; other bits may be set by chance.
    private var prefixes: [UInt64]
    /// Random, so that no file can be made to fill one corner of the table.
    private let seed = UInt64.random(in: 0...UInt64.max)

    var count: Int { ends.count }

    /// - Parameters:
    ///   - bytes: all pieces, one after another, each valid UTF-8; fewer than 2^31 bytes.
    ///   - ends: where each piece ends in `bytes`, rising.
    init(bytes: [UInt8], ends: [Int32]) {
        self.bytes = bytes
        self.ends = ends
        slots = [UInt64](repeating: 0, count: Self.powerOfTwo(atLeast: 2 * ends.count))
        prefixes = [UInt64](repeating: 0, count: Self.powerOfTwo(atLeast: bytes.count / 8))
        for piece in ends.indices { insert(piece) }
    }

    init(_ pieces: [[UInt8]]) {
        var bytes: [UInt8] = []
        var ends: [Int32] = []
        for piece in pieces {
            bytes += piece
            ends.append(Int32(bytes.count))
        }
        self.init(bytes: bytes, ends: ends)
    }

    private static func powerOfTwo(atLeast count: Int) -> Int {
        count <= 16 ? 16 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
    }

    private func range(of piece: Int) -> Range<Int> {
        (piece == 0 ? 0 : Int(ends[piece - 1]))..<Int(ends[piece])
    }

    @inline(__always)
    private static func mixed(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        let product = (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 32
    }

    /// Of two equal pieces the later counts, as in the reference.
    private mutating func insert(_ piece: Int) {
        let range = range(of: piece)
        guard !range.isEmpty else { return }
        var hash = seed
        for index in range {
            hash = Self.mixed(hash, bytes[index])
            let bit = Int(truncatingIfNeeded: hash) & (prefixes.count * 64 - 1)
            prefixes[bit >> 6] |= 1 << UInt64(bit & 63)
        }
        var slot = Int(truncatingIfNeeded: hash >> 20) & (slots.count - 1)
        while slots[slot] != 0 {
            if slots[slot] >> 32 == hash >> 32, isEqual(slots[slot], bytes, range) { break }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = (hash >> 32) << 32 | UInt64(piece + 1)
    }

    private func isEqual(_ entry: UInt64, _ text: [UInt8], _ range: Range<Int>) -> Bool {
        let candidate = self.range(of: Int(entry & 0xFFFF_FFFF) - 1)
        guard candidate.count == range.count else { return false }
        for offset in 0..<range.count where bytes[candidate.lowerBound + offset] != text[range.lowerBound + offset] {
            return false
        }
        return true
    }

    private func find(_ hash: UInt64, _ text: [UInt8], _ range: Range<Int>) -> Int? {
        var slot = Int(truncatingIfNeeded: hash >> 20) & (slots.count - 1)
        while slots[slot] != 0 {
            if slots[slot] >> 32 == hash >> 32, isEqual(slots[slot], text, range) {
                return Int(slots[slot] & 0xFFFF_FFFF) - 1
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Calls `body` with the end and the number of each piece that starts at the lower bound, shortest first.
    @inline(__always)
    func forEachPiece(in text: [UInt8], _ range: Range<Int>, _ body: (_ end: Int, _ piece: Int) -> Void) {
        var hash = seed
        var end = range.lowerBound
        while end < range.upperBound {
            hash = Self.mixed(hash, text[end])
            end += 1
            let bit = Int(truncatingIfNeeded: hash) & (prefixes.count * 64 - 1)
            guard prefixes[bit >> 6] >> UInt64(bit & 63) & 1 == 1 else { return }
            if end == text.count || text[end] & 0xC0 != 0x80, let piece = find(hash, text, range.lowerBound..<end) {
                body(end, piece)
            }
        }
    }

    /// The piece that is exactly this text.
    subscript(text: [UInt8]) -> Int? { piece(text, 0..<text.count) }

    func piece(_ text: [UInt8], _ range: Range<Int>) -> Int? {
        guard !range.isEmpty else { return nil }
        var hash = seed
        for index in range { hash = Self.mixed(hash, text[index]) }
        return find(hash, text, range)
    }
}
