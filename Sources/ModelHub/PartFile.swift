import Crypto
import Files
import Glibc
import HTTPClient
import Synchronization

/// A file on its way: its bytes, and beside them how much of each segment is there, for a process that comes later.
final class PartFile: Sendable {
    let file: HubFile
    private let path: String
    private let descriptor: Int32
    private let stateDescriptor: Int32
    /// What of the file each segment is.
    let segments: [Range<Int>]
    private let progress: Mutex<[Progress]>

    private struct Progress {
        var done = 0
        /// What the state on the disk says.
        var noted = 0
    }

    private static let stateEnding = ".state"
    private static let headBytes = 64
    /// How much may have to come again after a crash.
    private static let noteBytes = 1 << 20

    /// - Parameter path: ours alone; what an earlier process left there of the same bytes counts.
    init(_ file: HubFile, at path: String, identity: String, segmentBytes: Int) throws(HubError) {
        self.file = file
        self.path = path
        segments = Self.ranges(file.bytes, segmentBytes)
        let head = try Self.head(file, identity, segmentBytes)
        let count = segments.count
        descriptor = try Self.open(path)
        do throws(HubError) {
            stateDescriptor = try Self.open(path + Self.stateEnding)
        } catch {
            close(descriptor)
            throw error
        }
        progress = Mutex([])
        var found = Self.state(stateDescriptor, head: head, count: count)
        let isSound = zip(found, segments).allSatisfy { $0 <= $1.count }
        // What has no digest to be compared with comes anew.
        if found.isEmpty || !isSound || file.sha256 == nil || Self.bytes(descriptor) > file.bytes {
            try start(head, count)
            found = Array(repeating: 0, count: count)
        }
        progress.withLock { $0 = found.map { Progress(done: $0, noted: $0) } }
    }

    deinit {
        close(descriptor)
        close(stateDescriptor)
    }

    private static func ranges(_ bytes: Int, _ segmentBytes: Int) -> [Range<Int>] {
        stride(from: 0, to: bytes, by: segmentBytes).map { $0..<min($0 + segmentBytes, bytes) }
    }

    func done(_ segment: Int) -> Int { progress.withLock { $0[segment].done } }

    var doneBytes: Int { progress.withLock { $0.reduce(0) { $0 + $1.done } } }

    /// What has come of a file, as its state says, but no more than there is.
    static func doneBytes(_ path: String) -> Int {
        guard let bytes = try? FileBytes.read(path + stateEnding, limit: 16 << 20), bytes.count > headBytes else {
            return 0
        }
        let limit = min(Folder.bytes(path) ?? 0, HubListing.maxFileBytes)
        return stride(from: headBytes, to: bytes.count - 7, by: 8).reduce(0) { sum, place in
            let number = bytes[place..<(place + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return min(sum + min(Int(clamping: number), limit), limit)
        }
    }

    /// Writes what comes next in a segment; one thread a segment.
    func append(_ bytes: [UInt8], to segment: Int) throws(HubError) {
        let done = done(segment)
        try write(bytes, descriptor, at: segments[segment].lowerBound + done)
        let isDue = progress.withLock { list in
            list[segment].done += bytes.count
            return list[segment].done - list[segment].noted >= Self.noteBytes
        }
        if isDue { try note(segment) }
    }

    /// Lets a later process know how far the segment is.
    func note(_ segment: Int) throws(HubError) {
        let done = done(segment)
        try write(Self.littleEndian(done), stateDescriptor, at: Self.headBytes + 8 * segment)
        progress.withLock { $0[segment].noted = done }
    }

    /// Forgets all that has come.
    func reset() throws(HubError) {
        let count = segments.count
        for segment in 0..<count { try write(Self.littleEndian(0), stateDescriptor, at: Self.headBytes + 8 * segment) }
        progress.withLock { $0 = Array(repeating: Progress(), count: count) }
    }

    /// The SHA-256 of what is there.
    func sha256(_ cancellation: HTTPCancellation) throws(HubError) -> String {
        try FileDigest.sha256(descriptor: descriptor, path: path, goesOn: { _ in !cancellation.isCancelled })
    }

    /// Gives the whole file its name, for good.
    func publish(_ target: String) throws(HubError) {
        guard fsync(descriptor) == 0 else { throw .file(path: path, FileFailure("fsync")) }
        guard unsafe rename(path, target) == 0 else { throw .file(path: target, FileFailure("rename")) }
        unsafe unlink(path + Self.stateEnding)
        do throws(FileFailure) {
            try FileBytes.flushFolder(of: target)
        } catch {
            throw .file(path: target, error)
        }
    }

    // MARK: the disk

    private func start(_ head: [UInt8], _ count: Int) throws(HubError) {
        // The state goes first: it must never speak of bytes that are not there.
        guard ftruncate(stateDescriptor, 0) == 0, ftruncate(descriptor, 0) == 0 else {
            throw .file(path: path, FileFailure("ftruncate"))
        }
        try write(head + [UInt8](repeating: 0, count: 8 * count), stateDescriptor, at: 0)
    }

    private func write(_ bytes: [UInt8], _ descriptor: Int32, at offset: Int) throws(HubError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe pwrite(descriptor, $0.baseAddress.map { unsafe $0 + done }, bytes.count - done, offset + done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .file(path: path, FileFailure("write")) }
            done += count
        }
    }

    private static func open(_ path: String) throws(HubError) -> Int32 {
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw .file(path: path, FileFailure("open")) }
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_nlink == 1 else {
            close(descriptor)
            throw .inTheWay(path: path, found: "something that is no file of ours")
        }
        return descriptor
    }

    private static func bytes(_ descriptor: Int32) -> Int {
        var facts = stat()
        return unsafe fstat(descriptor, &facts) == 0 ? facts.st_size : Int.max
    }

    /// How far the segments are; empty where the state is not of these bytes.
    private static func state(_ descriptor: Int32, head: [UInt8], count: Int) -> [Int] {
        let size = headBytes + 8 * count
        guard bytes(descriptor) == size else { return [] }
        var bytes = [UInt8](repeating: 0, count: size)
        guard unsafe pread(descriptor, &bytes, size, 0) == size, Array(bytes.prefix(headBytes)) == head else {
            return []
        }
        return (0..<count).map { segment in
            let place = headBytes + 8 * segment
            let number = bytes[place..<(place + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return Int(clamping: number)
        }
    }

    private static func head(_ file: HubFile, _ identity: String, _ segmentBytes: Int) throws(HubError) -> [UInt8] {
        do throws(CryptoError) {
            let digest = try SHA256.digest(Array("\(identity) \(file.path) \(file.sha256 ?? "")".utf8))
            let mark = Array("WIPART01".utf8)
            let head = mark + littleEndian(file.bytes) + littleEndian(segmentBytes) + digest
            return head + [UInt8](repeating: 0, count: headBytes - head.count)
        } catch {
            throw .failed(error.videoError)
        }
    }

    private static func littleEndian(_ number: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}
