extension VideoSettings {
    /// The settings as JSON fields, in the order of the command's options.
    package var jsonFields: [(String, JSONText)] {
        let fields = RequestField.all.compactMap { field in field.setting.map { (field.jsonName, $0(self)) } }
        return fields + (inputs.isEmpty ? [] : [("inputs", .array(inputs.map(\.json)))])
    }
}

extension ClipInput {
    fileprivate var json: JSONText { ["role": .string(role.rawValue), "sha256": .string(digest)] }
}
