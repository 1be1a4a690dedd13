/// Calls that could hit a file that is not ours, and the page that says why they do not.
enum FileRule {
    static let page = ".github/FILES.md"

    private static let calls = [
        "unlink(", "unlinkat(", "rename(", "renameat(", "renameat2(", "rmdir(", "chmod(", "fchmod(", "chown(",
        "fchown(",
        "truncate(", "ftruncate(", "posix_fallocate(", "linkat(", "symlink(", "mkdir(", "mkdirat(", "mkstemp(",
        "O_CREAT",
        "O_TRUNC", "removeItem(", "moveItem(", "createFile(", "createDirectory(", "copyItem(", ".write(to:",
    ]

    /// The files of the product with such a call, as the page names them.
    static func found(_ files: [SourceFile]) -> Set<String> {
        let hits = files.filter { $0.code.contains { code in calls.contains { code.line.contains($0) } } }
        return Set(hits.map { String($0.path.drop { $0 != "/" }.dropFirst()) })
    }

    /// The files that the page has a line for.
    static func listed(_ page: String) -> Set<String> {
        Set(
            page.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap {
                $0.split(separator: "`", omittingEmptySubsequences: false).dropFirst().first.map(String.init)
            })
    }
}
