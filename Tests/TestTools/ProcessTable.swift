package import Foundation

/// Which processes there are, as the kernel tells.
package enum ProcessTable {
    /// By process: its parent; without the dead that wait for theirs.
    private static var parents: [pid_t: pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        var parents: [pid_t: pid_t] = [:]
        for process in names.compactMap({ pid_t($0) }) { parents[process] = parent(of: process) }
        return parents
    }

    private static func parent(of process: pid_t) -> pid_t? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return nil }
        let words = text.split(separator: ")").last?.split(separator: " ") ?? []
        return words.count > 1 && words[0] != "Z" ? pid_t(words[1]) : nil
    }

    package static func isAlive(_ process: pid_t) -> Bool { parent(of: process) != nil }

    package static func children(of parent: pid_t) -> [pid_t] { parents.filter { $0.value == parent }.map(\.key) }

    /// Children, and theirs.
    package static func descendants(of parent: pid_t) -> [pid_t] {
        let parents = parents
        var found = [parent]
        var index = 0
        while index < found.count {
            found += parents.filter { $0.value == found[index] }.map(\.key)
            index += 1
        }
        return Array(found.dropFirst())
    }
}
