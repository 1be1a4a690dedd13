import Glibc

/// How many of their steps held clips may make: a number in a file beside the journal, 0 where there is none.
enum FakeLeave {
    private static func path(_ folder: String) -> String { folder + "/fake-leave" }

    /// Whole at once, for clips that look meanwhile.
    static func give(_ steps: Int, in folder: String) {
        let new = path(folder) + ".new"
        guard let file = unsafe fopen(new, "we") else { return }
        unsafe _ = fputs("\(steps)", file)
        unsafe _ = fclose(file)
        unsafe _ = rename(new, path(folder))
    }

    static func steps(in folder: String) -> Int {
        guard let file = unsafe fopen(path(folder), "re") else { return 0 }
        defer { unsafe _ = fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 20)
        let count = unsafe fread(&buffer, 1, buffer.count, file)
        return Int(String(decoding: buffer[..<count], as: UTF8.self)) ?? 0
    }
}
