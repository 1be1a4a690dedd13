/// The names that another layout has for the tensors of a model, beside the model's own.
package struct KeyTable: Sendable {
    /// A module or a tensor and what the layout calls it.
    ///
    /// Names are compared part by part; `*` stands for a number, and what follows the name is the same in both.
    package struct Row: Sendable {
        package let name: String
        package let stored: String
        /// Which part of how many equal ones along the stored tensor's first axis; nil for all of it.
        let part: (index: Int, count: Int)?
        /// Whether writers disagree about its dimensions, though not about the order of its numbers.
        let isReshaped: Bool
        fileprivate let nameParts: [Substring]
        fileprivate let storedParts: [Substring]

        package init(
            _ name: String, _ stored: String, part: (index: Int, count: Int)? = nil, isReshaped: Bool = false
        ) {
            self.name = name
            self.stored = stored
            self.part = part
            self.isReshaped = isReshaped
            nameParts = name.split(separator: ".")
            storedParts = stored.split(separator: ".")
        }
    }

    /// What other models have beside the tensors of this one.
    package struct Foreign: Sendable {
        /// A part of names, anywhere in them.
        package let part: String
        package let meaning: String

        package init(_ part: String, _ meaning: String) {
            self.part = part
            self.meaning = meaning
        }
    }

    /// Where a tensor of the model is.
    struct Place {
        let stored: String
        let part: (index: Int, count: Int)?
        let isReshaped: Bool
    }

    /// How people call the layout.
    package let layout: String
    package let rows: [Row]
    /// By their stored names.
    package let ignored: [IgnoredKey]
    package let foreign: [Foreign]
    /// Whether the layout's names are the model's.
    private let isOwn: Bool

    package init(layout: String, rows: [Row], ignored: [IgnoredKey] = [], foreign: [Foreign] = []) {
        self.layout = layout
        self.rows = rows
        self.ignored = ignored
        self.foreign = foreign
        isOwn = false
    }

    /// Of a layout whose names are the model's own.
    package init(own layout: String, ignored: [IgnoredKey] = [], foreign: [Foreign] = []) {
        self.layout = layout
        rows = []
        self.ignored = ignored
        self.foreign = foreign
        isOwn = true
    }

    /// The names of Diffusers, which the models have.
    package static let own = KeyTable(own: "Diffusers")

    /// Where the model's tensor `name` is; nil where the layout has none of the name.
    func place(of name: String) -> Place? {
        guard !isOwn else { return Place(stored: name, part: nil, isReshaped: false) }
        let parts = name.split(separator: ".")
        for row in rows {
            guard let numbers = Self.match(parts, row.nameParts) else { continue }
            let stored = Self.written(row.storedParts, numbers) + parts.dropFirst(row.nameParts.count)
            return Place(
                stored: stored.joined(separator: "."), part: row.part, isReshaped: row.isReshaped)
        }
        return nil
    }

    /// The stored name of a module or tensor of the model; nil where the layout has none.
    package func stored(_ name: String) -> String? { place(of: name)?.stored }

    /// The model's names for a stored tensor; none where the model has no such tensor.
    package func names(of stored: String) -> [String] {
        guard !isOwn else { return [stored] }
        let parts = stored.split(separator: ".")
        return rows.compactMap { row in
            guard let numbers = Self.match(parts, row.storedParts) else { return nil }
            let name = Self.written(row.nameParts, numbers) + parts.dropFirst(row.storedParts.count)
            return name.joined(separator: ".")
        }
    }

    /// The numbers for which `pattern` is the beginning of `parts`; nil where it is not.
    private static func match(_ parts: [Substring], _ pattern: [Substring]) -> [Substring]? {
        guard pattern.count <= parts.count else { return nil }
        var numbers: [Substring] = []
        for (part, expected) in zip(parts, pattern) {
            if expected == "*" {
                guard part.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
                numbers.append(part)
            } else if part != expected {
                return nil
            }
        }
        return numbers
    }

    private static func written(_ pattern: [Substring], _ numbers: [Substring]) -> [Substring] {
        var rest = numbers[...]
        return pattern.map { $0 == "*" ? rest.popFirst() ?? $0 : $0 }
    }
}

extension KeyTable.Row {
    /// Rows of what lies below a module.
    package static func below(_ name: String, _ stored: String, _ rows: [KeyTable.Row]) -> [KeyTable.Row] {
        rows.map {
            KeyTable.Row("\(name).\($0.name)", "\(stored).\($0.stored)", part: $0.part, isReshaped: $0.isReshaped)
        }
    }
}
