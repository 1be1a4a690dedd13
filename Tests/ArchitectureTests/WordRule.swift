/// Words that some places must not contain.
enum WordRule {
    /// Rooms that are pure arithmetic and order; memory is touched below them.
    static let safeRooms: Set<String> = ["Models", "Layers", "Pipelines", "Sampling", "Pictures", "VideoTypes"]

    /// What only the command calls so: others say it as a term, which each surface spells in its own words.
    private static func isTyped(_ line: Substring) -> Bool {
        line.contains(/"[^"]*(--[a-z]|wan-infer (doctor|models|serve|plan|route|generate))/)
    }

    static func violations(in file: SourceFile) -> [String] {
        var found: [String] = []
        for (number, line) in file.code {
            // NVRTC has options too, the library spells its own words, and a client may be told what the owner can do.
            let isFree = ["/Term.swift", "/ServiceHandler.swift"].contains { file.path.hasSuffix($0) }
            if !["wan-infer", "ComputeCUDA"].contains(file.target), !isFree, isTyped(line) {
                found.append("\(file.path):\(number): words of the command line in \(file.target)")
            }
            let words = Set(line.split { !$0.isLetter && !$0.isNumber && $0 != "_" })
            if safeRooms.contains(file.target), words.contains("unsafe") {
                found.append("\(file.path):\(number): unsafe in \(file.target)")
            }
            if words.contains("try"), line.contains("try!") { found.append("\(file.path):\(number): try!") }
            if line.contains("nonisolated(unsafe)") { found.append("\(file.path):\(number): nonisolated(unsafe)") }
        }
        let lines = file.lines
        for (index, line) in lines.enumerated() {
            // In two pieces, lest this file be found.
            let reason = lines[max(0, index - 3)...min(index + 1, lines.count - 1)].joined().contains("// Safe:")
            if line.contains("@unchecked " + "Sendable"), !reason {
                found.append("\(file.path):\(index + 1): @unchecked " + "Sendable without a reason")
            }
            for mark in ["TO" + "DO", "FIX" + "ME"] where line.contains(mark) {
                found.append("\(file.path):\(index + 1): \(mark)")
            }
        }
        return found
    }
}
