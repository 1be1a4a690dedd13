import Files
import Glibc

/// The outermost boxes of an MP4 file (ISO/IEC 14496-12, 4.2): what it is, and how long it has to be.
enum MP4Boxes {
    /// Beyond them a file is left to the decoder.
    private static let most = 100_000
    private static let head = 16

    /// Throws for what is no MP4 file, such as a playlist that FFmpeg would follow to other files, and for one whose
    /// end is missing, which decodes up to there.
    static func check(_ path: String) throws(MediaError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .notAClip(path: path, reason: SystemError.text(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let first = box(descriptor, at: 0), first.kind == "ftyp"
        else { throw .notAClip(path: path, reason: "it is no MP4 file") }
        let length = UInt64(status.st_size)
        var place: UInt64 = 0
        for _ in 0..<most {
            guard let next = box(descriptor, at: place), next.size > 0 else { return }
            guard next.size <= length - place else {
                // What follows the last box may be anything.
                guard ["ftyp", "moov", "moof", "mdat"].contains(next.kind) else { return }
                throw .notAClip(path: path, reason: "it has ended after \(length) bytes, in the middle of its data")
            }
            place += next.size
        }
    }

    /// The box that begins there, 0 bytes long where it is all that is left; nil where none begins.
    private static func box(_ descriptor: Int32, at place: UInt64) -> (kind: String, size: UInt64)? {
        var bytes = [UInt8](repeating: 0, count: head)
        let count = unsafe pread(descriptor, &bytes, head, Int(clamping: place))
        guard count >= 8 else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        let kind = String(decoding: bytes[4..<8], as: UTF8.self)
        switch number(0..<4) {
        case 0: return (kind, 0)
        case 1 where count == head && number(8..<16) >= 16: return (kind, number(8..<16))
        case let size where size >= 8: return (kind, size)
        default: return nil
        }
    }
}
