extension VideoSettings {
    /// The settings as JSON fields, in the order of the command's options.
    package var jsonFields: [(String, JSONText)] {
        let fields = RequestField.all.compactMap { field in field.setting.map { (field.jsonName, $0(self)) } }
        return fields + (inputs.isEmpty ? [] : [("inputs", .array(inputs.map(\.json)))])
            + (adapters.isEmpty ? [] : [("loras", .array(adapters.map(\.json)))])
    }
}

extension AdapterInput {
    fileprivate var json: JSONText {
        .object(
            [
                ("name", .string(name)), ("sha256", .string(digest)), ("strength", .number(strength)),
                ("expert", .string(expert.rawValue)),
            ] + (steps.map { [("steps", .array([.integer($0.lowerBound), .integer($0.upperBound)]))] } ?? []))
    }
}

extension ClipInput {
    fileprivate var json: JSONText { ["role": .string(role.rawValue), "sha256": .string(digest)] }
}
