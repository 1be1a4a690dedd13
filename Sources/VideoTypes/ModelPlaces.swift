/// Where the files of a model are.
package struct ModelPlaces: Sendable, Hashable {
    /// A folder or file that holds the model, or what is not named below.
    package var model: String?
    /// Files and folders of parts that come from elsewhere.
    package var parts: [ModelPart: String]
    /// The name of the model that the files are of; nil where they say it themselves.
    package var name: String?

    package init(model: String? = nil, parts: [ModelPart: String] = [:], name: String? = nil) {
        self.model = model
        self.parts = parts
        self.name = name
    }
}
