/// A family of models is known in its own folders and where families are listed, and nowhere else.
enum FamilyRule {
    /// Where each family has a folder.
    private static let homes = ["Sources/Models/", "Sources/Pipelines/"]
    /// The list of families, the room of words for people, and the names that clouds give to what they sell.
    private static let free = ["Sources/Pipelines/Families.swift", "Sources/wan-infer/", "Sources/VideoRouter/Clouds/"]

    /// The families that have a folder.
    static func families(in files: [SourceFile]) -> Set<String> {
        var names: Set<String> = []
        for file in files {
            guard let home = homes.first(where: { file.path.hasPrefix($0) }) else { continue }
            let inside = file.path.dropFirst(home.count).split(separator: "/")
            if inside.count > 1 { names.insert(String(inside[0])) }
        }
        return names
    }

    static func violations(in file: SourceFile, _ families: Set<String>) -> [String] {
        guard !free.contains(where: { file.path.hasPrefix($0) }) else { return [] }
        let strangers = families.sorted().filter { family in
            !homes.contains { file.path.hasPrefix("\($0)\(family)/") }
        }
        return file.code.flatMap { number, line in
            strangers.filter { names(line, $0) }.map { "\(file.path):\(number): \($0) in a place for every family" }
        }
    }

    /// Whether a line has the name as a word or as the beginning or end of one: `WanModel`, `isWan`.
    private static func names(_ line: Substring, _ family: String) -> Bool {
        line.ranges(of: family).contains { range in
            range.upperBound == line.endIndex || !line[range.upperBound].isLowercase
        }
    }
}
