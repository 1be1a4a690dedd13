import Compute
import Files
import FoundationEssentials
import Glibc
import Pipelines
package import VideoTypes
import Weights

/// A folder in which clips keep their state while they are made, for one process at a time.
///
/// It holds nothing else: what is written over or removed in it is what we wrote.
package final class CheckpointFolder {
    private let path: String
    private let descriptor: Int32

    /// Takes a folder that is empty or holds states, and makes one that is missing.
    package init(_ path: String) throws(VideoError) {
        self.path = path
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw Self.failure("make", path) }
        descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw VideoError(
                .stateUnusable, "another process keeps its clip in '\(path)'",
                hint: "wait for it, or name another folder")
        }
        guard unsafe access(path, W_OK | X_OK) == 0 else { throw Self.failure("write in", path) }
        try Self.check(path)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Where the clip of a name keeps its state.
    ///
    /// - Parameter number: of a clip among several; nil for the only one.
    package func place(_ number: String? = nil) -> CheckpointPlace {
        let name = Self.stem + (number.map { "-" + $0 } ?? "") + Self.ending
        return CheckpointPlace(path: "\(path)/\(name)", everySteps: 1)
    }

    private static let stem = "clip"
    private static let ending = ".safetensors"
    /// What `CheckpointFile` adds until a file is whole.
    private static let unfinished = ".new"

    private static func check(_ path: String) throws(VideoError) {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw failure("read", path)
        }
        for name in names where !isOurs(name, in: path) {
            throw VideoError(
                .stateUnusable, "'\(path)' holds '\(name)', which is no state of a clip that was kept by wan-infer",
                hint: "name a folder that is empty, or one that is not there yet")
        }
    }

    private static func isOurs(_ name: String, in folder: String) -> Bool {
        var stem = name[...]
        let isHalf = stem.hasSuffix(unfinished)
        if isHalf { stem = stem.dropLast(unfinished.count) }
        guard stem.hasSuffix(ending) else { return false }
        stem = stem.dropLast(ending.count)
        guard stem == Self.stem || isNumbered(stem) else { return false }
        guard let bytes = try? MappedFile.open("\(folder)/\(name)") else { return isHalf && isEmpty(folder, name) }
        guard isHalf else { return CheckpointFacts(bytes) != nil }
        // Of a file that a killed process was writing: as much as there is.
        let length = CheckpointFacts.beginning.count
        let start = bytes[min(8, bytes.count)..<min(8 + length, bytes.count)].copied
        return start.elementsEqual(CheckpointFacts.beginning.prefix(start.count))
    }

    private static func isNumbered(_ stem: Substring) -> Bool {
        stem.hasPrefix(Self.stem + "-") && stem.utf8.dropFirst(Self.stem.utf8.count + 1).allSatisfy(isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private static func isEmpty(_ folder: String, _ name: String) -> Bool {
        var status = stat()
        return unsafe lstat("\(folder)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && status.st_size == 0
    }

    private static func failure(_ what: String, _ path: String) -> VideoError {
        let reason = SystemError.text(errno)
        return VideoError(
            .stateUnusable, "cannot \(what) the folder '\(path)': \(reason)",
            hint: "name one that may be written, in a folder that is there")
    }
}
