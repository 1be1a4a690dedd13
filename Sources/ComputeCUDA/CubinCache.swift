import Files
import Glibc
import Synchronization

/// Machine code kept from run to run, in a folder that is its owner's alone.
///
/// Nothing that goes wrong here is an error: a damaged entry is compiled again, and a folder that cannot be used costs
/// time only. Several processes may share it: an entry appears whole or not at all.
package final class CubinCache: Sendable {
    package let folder: String
    /// When the entries exceed this, the longest unused are removed.
    private let limitBytes: Int
    private let state = Mutex(State())

    private struct State {
        var warning: String?
        var isChecked = false
    }

    /// How many entries this process has begun to write, in all caches: it names their temporary files.
    private static let written = Atomic<Int>(0)

    /// The largest file that is taken for an entry.
    private static let entryLimit = 64 << 20

    package init(folder: String, limitBytes: Int = 256 << 20) {
        self.folder = folder
        self.limitBytes = limitBytes
    }

    /// Where the environment wants it: $WAN_INFER_CACHE, $XDG_CACHE_HOME/wan-infer or ~/.cache/wan-infer; nil where it
    /// names none of them.
    package static func folder(_ variables: [String: String]) -> String? {
        func value(_ name: String) -> String? {
            guard let value = variables[name], value.hasPrefix("/") else { return nil }
            return value
        }
        return value("WAN_INFER_CACHE") ?? value("XDG_CACHE_HOME").map { "\($0)/wan-infer" }
            ?? value("HOME").map { "\($0)/.cache/wan-infer" }
    }

    /// Why the cache is not used or not written: the first reason there was.
    package var warning: String? { state.withLock { $0.warning } }

    /// What was stored under this key; nil where there is nothing sound.
    func cubin(_ key: CubinKey) -> Cubin? {
        guard isUsable(), let bytes = read(path(key.fileName)) else { return nil }
        return CacheEntry.cubin(bytes, key)
    }

    /// Keeps machine code, in the place of what was there.
    func store(_ cubin: Cubin, _ key: CubinKey) {
        guard isUsable() else { return }
        let bytes = CacheEntry.bytes(cubin, key)
        let number = Self.written.add(1, ordering: .relaxed).newValue
        let temporary = path(".\(getpid())-\(number)\(Self.temporarySuffix)")
        do throws(FileFailure) {
            let file = try NewFile(path(key.fileName), temporary: .free(temporary))
            try file.append(bytes)
            try file.publish()
        } catch {
            // What lies in the entry's place, or the folder itself, is in the way.
            let place = error.call == "rename" ? path(key.fileName) : "to \(folder)"
            return warn("cannot write \(place): \(SystemError.text(error.number))")
        }
        prune(keeping: key.fileName)
    }

    private static let temporarySuffix = ".tmp"

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    private func warn(_ text: String) {
        state.withLock { $0.warning = $0.warning ?? text }
    }

    // MARK: the folder

    /// Makes the folder at the first use, and looks whether nobody else can write to it.
    private func isUsable() -> Bool {
        state.withLock { state in
            if state.isChecked { return state.warning == nil }
            state.isChecked = true
            state.warning = PrivateFolder.make(folder)
            return state.warning == nil
        }
    }

    // MARK: files

    private func read(_ path: String) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size <= Self.entryLimit
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: facts.st_size)
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(file, $0.baseAddress.map { unsafe $0 + done }, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            done += count
        }
        // The longest unused is removed first.
        if CacheEntry.begins(bytes) { futimens(file, nil) }
        return bytes
    }

    // MARK: room

    private struct Listed {
        let name: String
        let bytes: Int
        let changedAt: Int
    }

    /// Removes what a crash left, and the longest unused entries beyond the limit: nothing that is not ours.
    private func prune(keeping kept: String) {
        let now = time(nil)
        var entries: [Listed] = []
        for file in list() {
            if file.name.hasSuffix(Self.temporarySuffix) {
                if file.changedAt < now - 3600 { unsafe unlink(path(file.name)) }
            } else if file.name.hasSuffix(".cubin") {
                entries.append(file)
            }
        }
        var total = entries.reduce(0) { $0 + $1.bytes }
        for entry in entries.sorted(by: { $0.changedAt < $1.changedAt }) where total > limitBytes {
            guard entry.name != kept else { continue }
            if unsafe unlink(path(entry.name)) == 0 { total -= entry.bytes }
        }
    }

    /// By its name and by its first bytes.
    private func isOurs(_ name: String) -> Bool {
        if name.hasSuffix(Self.temporarySuffix) {
            let words = name.dropFirst().dropLast(Self.temporarySuffix.count).split(
                separator: "-", omittingEmptySubsequences: false)
            return name.hasPrefix(".") && words.count == 2 && words.allSatisfy { UInt($0) != nil } && begins(name)
        }
        return name.hasSuffix(".cubin") && begins(name, isWhole: true)
    }

    private func begins(_ name: String, isWhole: Bool = false) -> Bool {
        let file = unsafe open(path(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return false }
        defer { close(file) }
        var head = [UInt8](repeating: 0, count: 8)
        let count = unsafe Glibc.read(file, &head, head.count)
        return count >= (isWhole ? head.count : 0) && CacheEntry.begins(head.prefix(count))
    }

    private func list() -> [Listed] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var found: [Listed] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var facts = stat()
            guard unsafe lstat(path(name), &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, isOurs(name) else {
                continue
            }
            found.append(Listed(name: name, bytes: facts.st_size, changedAt: facts.st_mtim.tv_sec))
        }
        return found
    }
}
