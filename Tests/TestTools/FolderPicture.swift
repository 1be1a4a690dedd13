import Foundation

/// All that lies in a folder, however deep: kind, owner, mode, bytes, times and the targets of links.
///
/// Two pictures are equal where nothing was touched in between.
package struct FolderPicture: Equatable, CustomStringConvertible {
    /// By path; the folder itself is "".
    package private(set) var entries: [String: String] = [:]

    package init(_ folder: String) throws {
        try add("", folder)
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        for name in names { try add(name, folder + "/" + name) }
    }

    /// Without what these paths name.
    package func without(_ isKnown: (String) -> Bool) -> FolderPicture {
        var picture = self
        picture.entries = entries.filter { !isKnown($0.key) }
        return picture
    }

    /// What is gone, new or another in a later picture.
    package func changes(to later: FolderPicture) -> [String] {
        Set(entries.keys).union(later.entries.keys).sorted().filter { entries[$0] != later.entries[$0] }
    }

    package var description: String {
        entries.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
    }

    private mutating func add(_ name: String, _ path: String) throws {
        var facts = stat()
        guard unsafe lstat(path, &facts) == 0 else { return }
        let kind = facts.st_mode & S_IFMT
        var text = "\(String(facts.st_mode, radix: 8)) \(facts.st_uid):\(facts.st_gid) \(facts.st_ino)"
        // Whoever looks into a folder of ours may add to it; then its times change.
        if kind != S_IFDIR { text += " \(facts.st_size) \(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)" }
        if kind == S_IFREG, facts.st_size <= 1 << 20 {
            text += " " + (try Data(contentsOf: URL(fileURLWithPath: path))).base64EncodedString()
        }
        if kind == S_IFLNK { text += " -> " + (try FileManager.default.destinationOfSymbolicLink(atPath: path)) }
        entries[name] = text
    }
}
