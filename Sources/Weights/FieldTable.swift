import StrictJSON

/// What a configuration may say beside the fields that are read: nothing that could change a clip is passed over.
///
/// Fields whose names begin with `_` speak of the file, not of the model.
package struct FieldTable: Sendable {
    private let read: Set<String>
    package let harmless: Set<String>
    private let fixed: [String: [Fixed]]
    private let required: Set<String>

    /// A value as JSON writes it.
    package struct Fixed: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
        ExpressibleByIntegerLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral
    {
        fileprivate let shown: String

        package init(stringLiteral value: String) { shown = "\"\(value)\"" }
        package init(booleanLiteral value: Bool) { shown = "\(value)" }
        package init(integerLiteral value: Int) { shown = "\(value)" }
        package init(nilLiteral: ()) { shown = "null" }
        /// Only the empty list.
        package init(arrayLiteral elements: Never...) { shown = "a list of 0" }
    }

    /// - Parameters:
    ///   - harmless: fields that make no difference to a clip whatever they hold; a test proves it.
    ///   - fixed: fields that could ask for something that is not done here, and what they may hold.
    ///   - required: those of `fixed` whose absence would ask for it too.
    package init(
        read: [String], harmless: [String] = [], fixed: [String: [Fixed]] = [:], required: [String] = []
    ) {
        self.read = Set(read)
        self.harmless = Set(harmless)
        self.fixed = fixed
        self.required = Set(required)
    }

    /// The first field that breaks the table.
    func failure(_ members: [[UInt8]: JSONValue], file: String) -> WeightError? {
        let named = members.map { (name: String(decoding: $0.key, as: UTF8.self), value: $0.value) }
        for (name, value) in named.sorted(by: { $0.name < $1.name }) where !name.hasPrefix("_") {
            if let allowed = fixed[name] {
                guard !allowed.contains(where: { $0.shown == value.shown }) else { continue }
                return .config(file: file, field: name, value: value.shown, rule: Self.rule(allowed))
            }
            guard read.contains(name) || harmless.contains(name) else {
                return .unknownField(file: file, field: name, value: value.shown)
            }
        }
        let names = Set(named.map(\.name))
        guard let missing = required.subtracting(names).sorted().first else { return nil }
        return .config(file: file, field: missing, value: "missing", rule: Self.rule(fixed[missing] ?? []))
    }

    private static func rule(_ allowed: [Fixed]) -> String { allowed.map(\.shown).joined(separator: " or ") }
}
