import Crypto
import Files
import Glibc
import Synchronization
package import VideoTypes

/// The files of jobs.
///
/// Their names are made from jobs' ids and nothing else.
package final class JobFiles: Sendable {
    private let folder: StateFolder
    private let outputs: Int32
    private let parts: Int32
    private let checkpoints: Int32
    private let inputs: Int32
    private let quarantine: Int32
    /// Finished clips that were read and found to be what was made.
    private let marks = Mutex<[JobID: FileMark]>([:])

    init(_ folder: StateFolder) throws(StoreError) {
        self.folder = folder
        var opened: [Int32] = []
        do throws(StoreError) {
            for name in ["outputs", "parts", "checkpoints", "quarantine", "inputs"] {
                opened.append(try folder.subfolder(name))
            }
        } catch {
            for descriptor in opened { close(descriptor) }
            throw error
        }
        (outputs, parts, checkpoints, quarantine) = (opened[0], opened[1], opened[2], opened[3])
        inputs = opened[4]
    }

    deinit {
        for descriptor in [outputs, parts, checkpoints, quarantine, inputs] { close(descriptor) }
    }

    /// Where an attempt writes its clip.
    package func partPath(_ claim: Claim) -> String {
        folder.path + "/parts/" + Self.partName(claim.job.id, claim.attempt)
    }

    /// Where a job keeps the state of its denoise loop.
    package func checkpointPath(_ id: JobID) -> String { "\(folder.path)/checkpoints/\(id)" }

    /// Where the finished clip lies.
    package func path(_ id: JobID) -> String { folder.path + "/outputs/" + Self.name(id) }

    /// Bytes that may still be written to the disk.
    package func freeBytes() throws(StoreError) -> Int { try folder.freeBytes() }

    /// The finished clip, to be read, whatever it is by now; nil where there is none.
    package func open(_ id: JobID) throws(StoreError) -> OutputFile? {
        try openFile(outputs, Self.name(id), path(id))
    }

    private static func name(_ id: JobID) -> String { "\(id).mp4" }

    private static func partName(_ id: JobID, _ attempt: Int) -> String { "\(id).\(attempt).part.mp4" }
}

/// Pictures that clips are made from: there as long as a job waits, runs, or has its clip.
extension JobFiles {
    /// Where a picture of a job lies.
    package func inputPath(_ id: JobID, _ role: PictureRole) -> String {
        "\(folder.path)/inputs/\(id).\(role.rawValue)"
    }

    /// Brings the pictures of a job to the disk.
    func keepInputs(_ id: JobID, _ images: [ReferenceImage]) throws(StoreError) {
        for image in images {
            let path = inputPath(id, image.role)
            do throws(FileFailure) {
                let file = try NewFile(path)
                try file.append(image.bytes)
                try file.publish()
            } catch {
                throw error.isFullDisk ? .diskFull : .system(call: error.call, path: path, errno: error.number)
            }
        }
    }

    func removeInputs(_ id: JobID) {
        for role in PictureRole.allCases { unsafe _ = unlinkat(inputs, "\(id).\(role.rawValue)", 0) }
    }

    /// What the pictures of each job take.
    func inputBytes() throws(StoreError) -> [JobID: Int] {
        var bytes: [JobID: Int] = [:]
        for name in try names("inputs") {
            guard let id = JobID(String(name.prefix { $0 != "." })) else { continue }
            var facts = stat()
            guard unsafe fstatat(inputs, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            bytes[id, default: 0] += Int(facts.st_size)
        }
        return bytes
    }

    /// Removes the pictures of all other jobs, halves of them too; what has no job's name stays.
    func removeInputs(but kept: Set<JobID>) throws(StoreError) {
        for name in try names("inputs") {
            guard let id = JobID(String(name.prefix { $0 != "." })), !kept.contains(id) else { continue }
            unsafe _ = unlinkat(inputs, name, 0)
        }
    }
}

/// What finishing a job does to its file.
extension JobFiles {
    /// Brings an attempt's file to the disk; nil where there is none.
    func seal(_ id: JobID, attempt: Int) throws(StoreError) -> OutputFacts? {
        let name = Self.partName(id, attempt)
        guard let file = try openFile(parts, name, folder.path + "/parts/" + name) else { return nil }
        defer { close(file.descriptor) }
        guard fchmod(file.descriptor, 0o600) == 0, fsync(file.descriptor) == 0 else { throw failure("fsync", name) }
        return OutputFacts(byteCount: file.byteCount, sha256: try digest(file.descriptor, name))
    }

    /// Gives a sealed file its final name.
    func publish(_ id: JobID, attempt: Int) throws(StoreError) {
        FailPoint.reached(.beforeRename)
        guard unsafe renameat(parts, Self.partName(id, attempt), outputs, Self.name(id)) == 0 else {
            throw failure("rename", Self.name(id))
        }
        FailPoint.reached(.afterRename)
        guard fsync(outputs) == 0, fsync(parts) == 0 else { throw failure("fsync", "outputs") }
    }

    /// Whether the finished file is the one that was made.
    func holds(_ id: JobID, _ facts: OutputFacts) throws(StoreError) -> Bool {
        guard let file = try openFinished(id, facts) else { return false }
        close(file.descriptor)
        return true
    }

    /// The finished clip as it was made, to be read; nil where it is gone or another.
    ///
    /// Read through where it was not since its times last changed.
    func openFinished(_ id: JobID, _ facts: OutputFacts) throws(StoreError) -> OutputFile? {
        guard let file = try openFile(outputs, Self.name(id), path(id)) else { return nil }
        do throws(StoreError) {
            if try isFinished(file.descriptor, id, facts) { return file }
        } catch {
            close(file.descriptor)
            throw error
        }
        close(file.descriptor)
        return nil
    }

    private func isFinished(_ descriptor: Int32, _ id: JobID, _ facts: OutputFacts) throws(StoreError) -> Bool {
        guard let mark = Self.mark(descriptor), mark.byteCount == facts.byteCount else { return false }
        if marks.withLock({ $0[id] == mark }) { return true }
        guard try digest(descriptor, path(id)) == facts.sha256 else { return false }
        if Self.mark(descriptor) == mark { marks.withLock { $0[id] = mark } }
        return true
    }

    /// Whether the finished clip is there, as long as it should be, and the same as when it was last read.
    func seemsFinished(_ id: JobID, _ facts: OutputFacts) throws(StoreError) -> Bool {
        var found = stat()
        guard unsafe fstatat(outputs, Self.name(id), &found, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return false }
            throw .system(call: "stat", path: path(id), errno: errno)
        }
        guard let mark = FileMark(found), mark.byteCount == facts.byteCount else { return false }
        let known = marks.withLock { $0[id] }
        guard let known, known != mark else { return true }
        guard let file = try openFinished(id, facts) else { return false }
        close(file.descriptor)
        return true
    }

    private static func mark(_ descriptor: Int32) -> FileMark? {
        var facts = stat()
        return unsafe fstat(descriptor, &facts) == 0 ? FileMark(facts) : nil
    }

    /// nil where there is no plain file of this name: what lies there instead is not followed and not waited for.
    private func openFile(_ folder: Int32, _ name: String, _ path: String) throws(StoreError) -> OutputFile? {
        let descriptor = unsafe openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if [ENOENT, ELOOP, ENXIO].contains(errno) { return nil }
            throw .system(call: "open", path: path, errno: errno)
        }
        guard let mark = Self.mark(descriptor) else {
            close(descriptor)
            return nil
        }
        return OutputFile(descriptor: descriptor, byteCount: mark.byteCount)
    }

    private func digest(_ descriptor: Int32, _ path: String) throws(StoreError) -> String {
        do {
            return try SHA256.hexOfFile(descriptor: descriptor)
        } catch {
            switch error {
            case .libraryMissing(let name, let reason): throw .libraryMissing(name: name, reason: reason)
            case .failed(let call): throw .system(call: call, path: path, errno: 0)
            case .notReadable(let errno): throw .system(call: "read", path: path, errno: errno)
            }
        }
    }

    private func failure(_ call: String, _ name: String) -> StoreError {
        errno == ENOSPC || errno == EDQUOT ? .diskFull : .system(call: call, path: name, errno: errno)
    }
}

/// What cleaning up does.
extension JobFiles {
    /// Removes the finished clip.
    func remove(_ id: JobID) {
        forget(id)
        unsafe _ = unlinkat(outputs, Self.name(id), 0)
    }

    private func forget(_ id: JobID) { marks.withLock { $0[id] = nil } }

    func removePart(_ id: JobID, attempt: Int) {
        unsafe _ = unlinkat(parts, Self.partName(id, attempt), 0)
    }

    package func removeCheckpoint(_ id: JobID) {
        for name in Self.checkpointNames(id) { unsafe _ = unlinkat(checkpoints, name, 0) }
    }

    /// Removes what attempts at these jobs left behind, and their checkpoints; what has no name of theirs stays.
    ///
    /// - Parameter waiting: those that will go on from their checkpoints.
    func removeLeftovers(of jobs: Set<JobID>, waiting: Set<JobID>) throws(StoreError) {
        for name in try names("parts") {
            let isOurs = Self.job(ofPart: name).map(jobs.contains) ?? Self.isPending(name)
            if isOurs { unsafe _ = unlinkat(parts, name, 0) }
        }
        for name in try names("checkpoints") {
            guard let id = JobID(String(name.prefix { $0 != "." })), jobs.contains(id), !waiting.contains(id),
                Self.checkpointNames(id).contains(name)
            else { continue }
            unsafe _ = unlinkat(checkpoints, name, 0)
        }
    }

    /// The second is what a checkpoint is called while it is written.
    private static func checkpointNames(_ id: JobID) -> [String] { ["\(id)", "\(id).new"] }

    /// Whose attempt left a file of this name; nil where no attempt can have.
    private static func job(ofPart name: String) -> JobID? {
        let words = name.split(separator: ".", omittingEmptySubsequences: false)
        guard words.count == 4, let id = JobID(String(words[0])), let attempt = Int(words[1]) else { return nil }
        return name == partName(id, attempt) ? id : nil
    }

    /// What a clip is called while it is encoded, where the file system wants a name: `.wan-infer-`, random, `.part`.
    private static func isPending(_ name: String) -> Bool {
        guard name.hasPrefix(".wan-infer-"), name.hasSuffix(".part") else { return false }
        let random = name.utf8.dropFirst(11).dropLast(5)
        return (16...26).contains(random.count)
            && random.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
    }

    /// Jobs by whose names files lie in the folder of finished clips.
    func finished() throws(StoreError) -> [JobID] {
        try names("outputs").compactMap { $0.hasSuffix(".mp4") ? JobID(String($0.dropLast(4))) : nil }
    }

    /// Puts away a file that has its job's name and is not the one that it made; false where there is none.
    @discardableResult
    func putAway(_ id: JobID) throws(StoreError) -> Bool {
        forget(id)
        var random = SystemRandomNumberGenerator()
        // Two files of one name may come here.
        let place = "\(String(random.next() as UInt64, radix: 16)).\(Self.name(id))"
        guard unsafe renameat(outputs, Self.name(id), quarantine, place) != 0 else { return true }
        let reason = errno
        var facts = stat()
        let isThere = unsafe fstatat(outputs, Self.name(id), &facts, AT_SYMLINK_NOFOLLOW) == 0
        guard reason == ENOENT, !isThere else {
            throw .system(call: "rename", path: folder.path + "/quarantine/" + place, errno: reason)
        }
        return false
    }

    /// Files that were put away, of all starts, and their bytes.
    package func putAway() throws(StoreError) -> (files: Int, bytes: Int) {
        let names = try names("quarantine")
        let bytes = names.reduce(0) { sum, name in
            var facts = stat()
            guard unsafe fstatat(quarantine, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { return sum }
            return sum &+ facts.st_size
        }
        return (names.count, bytes)
    }

    private func names(_ subfolder: String) throws(StoreError) -> [String] {
        try FolderNames.all(folder.path + "/" + subfolder)
    }
}

/// Whether clips can be written at all.
extension JobFiles {
    /// Why they cannot; nil where they can.
    var trouble: StoreError? {
        for (name, descriptor) in [
            ("outputs", outputs), ("parts", parts), ("checkpoints", checkpoints), ("inputs", inputs),
        ] {
            let path = folder.path + "/" + name
            guard folder.identity(name) == FileIdentity(descriptor) else { return .moved(path: path) }
            if unsafe faccessat(descriptor, ".", W_OK | X_OK, 0) != 0 {
                return .system(call: "write", path: path, errno: errno)
            }
        }
        return nil
    }
}
