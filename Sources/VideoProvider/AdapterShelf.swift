import Compute
import Crypto
import Glibc
import Synchronization
import VideoTypes
import Weights

/// Where LoRAs lie.
package enum AdapterPlace: Sendable, Hashable {
    /// Wherever a path says.
    case paths
    /// In this folder: named without folder and ending, and by nothing else.
    case folder(String)
    /// Nowhere.
    case none

    /// Whether clips come from several people, each with LoRAs of their own.
    var areShared: Bool { if case .folder = self { true } else { false } }
}

/// A LoRA that can be asked for by its name.
package struct AdapterListing: Sendable, Hashable {
    package let name: String
    package let bytes: Int
}

/// The files of LoRAs, each read and digested once as long as it stays the same.
///
/// Asked from any thread.
final class AdapterShelf: Sendable {
    let place: AdapterPlace
    private let known = Mutex<[String: (mark: Mark, adapter: Shelved)]>([:])

    /// A LoRA that was read.
    struct Shelved: Sendable {
        let name: String
        /// SHA-256 of the file, and of the configuration beside it where that has a say; in hexadecimal.
        let digest: String
        let bytes: Int
        let file: AdapterFile
    }

    /// What tells one state of a LoRA from another: of its file, and of the configuration beside it.
    private struct Mark: Equatable {
        let size: Int
        private let states: [[Int]]

        init?(_ path: String) {
            guard let state = Self.state(path) else { return nil }
            size = state[2]
            states = [state] + (AdapterShelf.configPath(beside: path).flatMap(Self.state).map { [$0] } ?? [])
        }

        private static func state(_ path: String) -> [Int]? {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return nil }
            return [
                Int(bitPattern: status.st_dev), Int(bitPattern: status.st_ino), status.st_size,
                status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
            ]
        }
    }

    init(_ place: AdapterPlace) { self.place = place }

    private static let ending = ".safetensors"

    /// In the folder, those whose names can be asked for.
    var listings: [AdapterListing] {
        guard case .folder(let path) = place, let folder = try? ModelFolder(path: path) else { return [] }
        return folder.names(in: "").compactMap { file in
            let name = String(file.dropLast(Self.ending.count))
            guard file.hasSuffix(Self.ending), Self.isName(name) else { return nil }
            return Mark("\(path)/\(file)").map { AdapterListing(name: name, bytes: $0.size) }
        }
    }

    func open(_ name: String) throws(VideoError) -> Shelved {
        let (path, shown) = try path(name)
        let mark = Mark(path)
        if let mark, let found = known.withLock({ $0[path] }), found.mark == mark { return found.adapter }
        let adapter = try read(path, shown)
        // What changed while it was read is read again the next time.
        guard let mark, mark == Mark(path) else { return adapter }
        known.withLock { known in
            if known.count >= Self.knownLimit { known = [:] }
            known[path] = (mark, adapter)
        }
        return adapter
    }

    private static let knownLimit = 64

    /// One that settings name, as it was when they were made.
    func open(_ input: AdapterInput) throws(VideoError) -> Shelved {
        let known = known.withLock { known in known.filter { $0.value.adapter.digest == input.digest } }
        for (path, found) in known where Mark(path) == found.mark { return found.adapter }
        let found = try open(input.name)
        guard found.digest == input.digest else {
            throw VideoError(
                .weightsInvalid, "the LoRA \(input.name) is not the file that it was when the clip was ordered",
                field: .adapters, hint: "order the clip again")
        }
        return found
    }

    /// Where a file lies and what errors call it: a service's folders are not its clients' business.
    private func path(_ name: String) throws(VideoError) -> (path: String, shown: String) {
        guard case .folder(let folder) = place else {
            guard place == .paths else {
                throw .invalid("there are no LoRAs here", field: .adapters, hint: "leave \(.adapters) out")
            }
            return (name, name)
        }
        guard Self.isName(name), listings.contains(where: { $0.name == name }) else {
            throw VideoError(
                .invalidRequest, "there is no LoRA of this name here", field: .adapters,
                hint: "ask for the list of those there are")
        }
        return ("\(folder)/\(name)\(Self.ending)", name)
    }

    private func read(_ path: String, _ shown: String) throws(VideoError) -> Shelved {
        do {
            let bytes: HostBytes
            do throws(WeightError) {
                bytes = try MappedFile.open(path)
            } catch {
                throw AdapterError.unreadable(place == .paths ? error : error.naming(shown))
            }
            let config = try Self.config(beside: path)
            let file = try AdapterFile(bytes, file: shown, config: config)
            let name = path.split(separator: "/").last.map(String.init) ?? path
            let stem = name.hasSuffix(Self.ending) ? String(name.dropLast(Self.ending.count)) : name
            let digest = try Self.digest([bytes] + (config.map { [$0] } ?? []))
            return Shelved(name: stem, digest: digest, bytes: bytes.count, file: file)
        } catch {
            throw VideoError(reporting: error)
        }
    }

    /// Piece by piece: LoRAs have gigabytes.
    private static func digest(_ files: [HostBytes]) throws(CryptoError) -> String {
        var digest = try SHA256()
        for bytes in files {
            for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
                try digest.update(bytes[start..<min(start + 1 << 20, bytes.count)].copied)
            }
        }
        return SHA256.hexText(try digest.finish())
    }

    /// PEFT keeps an adapter and what scales it in two files of one folder.
    private static func configPath(beside path: String) -> String? {
        let file = "adapter_model.safetensors"
        return path == file || path.hasSuffix("/" + file) ? path.dropLast(file.count) + "adapter_config.json" : nil
    }

    private static func config(beside path: String) throws(WeightError) -> HostBytes? {
        guard let config = configPath(beside: path) else { return nil }
        do throws(WeightError) {
            return try MappedFile.open(config)
        } catch {
            if case .fileMissing = error { return nil }
            throw error
        }
    }

    /// Names that are no paths and need no quotes anywhere.
    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 128 && !name.hasPrefix(".") && !name.hasPrefix("-")
            && name.utf8.allSatisfy {
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                    || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains($0)
            }
    }
}

extension WeightError {
    /// The same of a file that is called otherwise.
    fileprivate func naming(_ file: String) -> WeightError {
        switch self {
        case .fileMissing: .fileMissing(file: file)
        case .unreadable(_, let errno): .unreadable(file: file, errno: errno)
        case .emptyFile: .emptyFile(file: file)
        default: .notAFile(file: file)
        }
    }
}
