/// What every test keeps to, so that none hangs and none is left out unsaid.
enum TestRule {
    /// Types and free functions with tests that have no limit.
    static func unbounded(in files: [SourceFile]) -> [String] {
        var bounded: Set<String> = []
        var found: [(place: String, suite: String)] = []
        for file in files {
            var suite: String?
            for (number, line) in file.code {
                let isMember = line.first == " "
                if !isMember, let name = suiteName(line) {
                    suite = "\(file.target).\(name)"
                    let above = number > 1 ? file.lines[number - 2] : ""
                    let isAbove = above.hasPrefix(mark) && suiteName(above) == nil
                    if line.hasPrefix(mark) || isAbove { bounded.insert("\(file.target).\(name)") }
                }
                guard line.drop(while: { $0 == " " }).hasPrefix("@Test") else { continue }
                let place = "\(file.path):\(number)"
                if isMember, let suite {
                    found.append((place, suite))
                } else {
                    found.append((place, "a function without a suite"))
                }
            }
        }
        return found.filter { !bounded.contains($0.suite) }.map { "\($0.place): \($0.suite) is not \(mark)" }
    }

    private static let mark = "@Suite(.bounded"

    private static func suiteName(_ line: Substring) -> Substring? {
        let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
        let kinds: Set<Substring> = ["struct", "class", "enum", "actor", "extension"]
        guard let kind = words.firstIndex(where: kinds.contains), kind + 1 < words.count else { return nil }
        return words[kind + 1]
    }

    /// Words of bounds in seconds that a slow machine misses.
    private static let clocks = [
        "<" + " .seconds(", "<" + " .milliseconds(", "Date()" + " < ", "Date()" + " > ", ".now +" + " .seconds(",
    ]

    /// Loops that would wait for ever, and tests that decide for themselves not to run.
    static func violations(in file: SourceFile) -> [String] {
        file.code.compactMap { number, line in
            let waits = ["usleep(", "Task.yield()", "Thread.sleep("].contains { line.contains($0) }
            if line.contains("while "), waits {
                return "\(file.path):\(number): a wait without an end; `eventually` has one"
            }
            if line.contains("for _ in" + " "), line.contains("sleep(") {
                return "\(file.path):\(number): so many looks are too few on a slow machine; say `eventually`"
            }
            if clocks.contains(where: { line.contains($0) }) {
                return "\(file.path):\(number): says how fast a machine is; wait with `eventually` for what happens"
            }
            // It counts the time before a test's turn too.
            if line.contains(".timeLimit" + "(") { return "\(file.path):\(number): say `.bounded(minutes: …)`" }
            let isLost = line.contains("guard ") && line.contains("else { return }")
            let isTool = ["find(", "status == 0", "fileExists("].contains { line.contains($0) }
            if isLost, isTool { return "\(file.path):\(number): skipped unsaid; say `.needs(…)` or `#require`" }
            return nil
        }
    }
}
