/// What each room may import: what Package.swift says, and these of the system.
///
/// Every arrow goes down: a room of a level sees only lower ones.
enum ImportRule {
    private static let ofTheSystem: [String: Set<String>] = [
        "Threads": ["Glibc"], "Distributions": ["Glibc"], "Files": ["Glibc"], "Compute": ["Glibc"], "Crypto": ["Glibc"],
        "HTTPServer": ["Glibc", "Synchronization"], "HTTPClient": ["Glibc", "Synchronization"],
        "JobStore": ["Glibc", "Synchronization", "FoundationEssentials"], "Tokenizers": ["Swift"],
        "Pictures": ["Glibc"], "Weights": ["Glibc"], "Sampling": ["Glibc"], "Media": ["Glibc"], "ComputeCPU": ["Glibc"],
        "ComputeCUDA": ["Glibc", "Synchronization"], "Layers": ["Glibc"], "Models": ["Glibc"], "Backends": ["Glibc"],
        "VideoProvider": ["Glibc", "Synchronization", "FoundationEssentials"],
        "ModelHub": ["Glibc", "Synchronization"],
        "JobRunner": ["Glibc", "Synchronization", "FoundationEssentials"],
        "VideoRouter": ["Glibc", "Synchronization", "FoundationEssentials"],
        "VideoServer": ["Glibc", "Synchronization", "FoundationEssentials"], "wan-infer": ["Glibc", "Synchronization"],
    ]

    static let table: [String: Set<String>] = {
        let rooms = (try? SourceFile("Package.swift")).map { Self.rooms(inPackage: $0.text) } ?? [:]
        return rooms.reduce(into: [:]) { $0[$1.key] = $1.value.union(ofTheSystem[$1.key] ?? []) }
    }()

    /// The rooms of Swift that a package has, and what each depends on.
    static func rooms(inPackage text: String) -> [String: Set<String>] {
        var rooms: [String: Set<String>] = [:]
        for call in text.split(
            separator: /(room\(\s*|executableTarget\(\s*name: )"/, omittingEmptySubsequences: false
        ).dropFirst() {
            // What is quoted: the room's name, then those that it depends on.
            let names = "\"\(call)".prefix { $0 != "]" }.split(separator: "\"", omittingEmptySubsequences: false)
                .enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
            rooms[names[0]] = Set(names.dropFirst())
            // Behind the command stand tests and what serves them.
            if names[0] == "wan-infer" { break }
        }
        return rooms
    }

    /// Rooms and their levels as the page of the house has them.
    static func levels(inPage text: String) -> [String: Int] {
        var levels: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let cells = line.split(separator: "|").map { $0.filter { $0 != " " } }
            guard cells.count == 4, let level = Int(cells[0]) else { continue }
            for name in cells[1].split(separator: ",") { levels[name.filter { $0 != "`" }] = level }
        }
        return levels
    }

    /// Arrows that do not go down, and rooms that the page does not know, or that are none.
    static func violations(rooms: [String: Set<String>], levels: [String: Int]) -> [String] {
        var found = rooms.keys.filter { levels[$0] == nil }.map { "\($0) has no level" }
        found += levels.keys.filter { !$0.hasPrefix("C") || rooms[$0] != nil }.filter { rooms[$0] == nil }
            .map { "\($0) has a level and is no room" }
        for (room, others) in rooms {
            guard let level = levels[room] else { continue }
            for other in others where levels[other, default: -1] >= level {
                found.append("\(room) of level \(level) sees \(other)")
            }
        }
        return found.sorted()
    }

    static func violations(in file: SourceFile) -> [String] {
        guard let allowed = table[file.target] else {
            return ["\(file.path): the room \(file.target) is not in the table"]
        }
        return file.code.compactMap { number, line in
            guard let module = module(importedBy: line), !allowed.contains(module) else { return nil }
            return "\(file.path):\(number): \(file.target) may not import \(module)"
        }
    }

    private static func module(importedBy line: Substring) -> String? {
        var words = line.split(whereSeparator: \.isWhitespace)
        let levels: Set<Substring> = ["package", "public", "internal", "private"]
        while let first = words.first, first.hasPrefix("@") || levels.contains(first) {
            words.removeFirst()
        }
        guard words.first == "import", words.count >= 2 else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "func", "var", "let", "protocol", "typealias"]
        let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
        return String(name.prefix { $0 != "." })
    }
}
