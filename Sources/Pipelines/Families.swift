package import VideoTypes
package import Weights

/// The families of models that run here, told apart by what a folder says it is for.
package enum Families {
    /// Opens the folder of one kind of pipeline, or what is published of it.
    ///
    /// `published` are the parameters of each component, where there are only configurations.
    private typealias Open = @Sendable (_ folder: ModelFolder, _ published: [String: Int]?) throws -> any VideoModel

    /// By the class of the Diffusers pipeline.
    private static let table: [(className: String, open: Open)] = [
        ("WanPipeline", { try WanModel($0, published: $1) }),
        (CogVideoXIndex.className, { try CogVideoXModel($0, published: $1) }),
        (CogVideoXIndex.pictureClassName, { try CogVideoXModel($0, published: $1) }),
        ("WanImageToVideoPipeline", { try WanModel($0, published: $1) }),
    ]

    /// The ways in which files other than folders of Diffusers hold parts of a model.
    static let layouts = WanLayouts.all + CogVideoXLayouts.all

    /// Layouts of models that run here, but not from such files: the end of a name that each has, and what it is.
    static let unreadLayouts = CogVideoXLayouts.unread

    /// Whether a model with a transformer of this configuration, of another layout, has two.
    static func needsTwoExperts(_ transformer: ModelFolder.AddedFile) throws(WeightError) -> Bool {
        try WanFolder.needsTwoExperts(transformer)
    }

    /// Whether a model with this transformer, of another layout, reads pictures through an encoder.
    static func needsImageEncoder(_ transformer: ModelFolder.AddedFile) throws(WeightError) -> Bool {
        try WanFolder.needsImageEncoder(transformer)
    }

    /// What the folder of a model says beside its parts' own configurations, told from the parts.
    static func files(
        transformer: ModelFolder.AddedFile, tower: ModelFolder.AddedFile?, hasTwoExperts: Bool
    ) throws(WeightError) -> [String: JSONText] {
        try WanFolder.files(transformer: transformer, tower: tower, hasTwoExperts: hasTwoExperts)
    }

    /// Opens a folder in the Diffusers layout and checks it completely, without loading weights.
    package static func open(_ folder: ModelFolder) throws(VideoError) -> any VideoModel {
        try open(folder, published: nil)
    }

    /// A published model of which there is nothing here but what its configurations say: enough to plan with.
    ///
    /// - Parameter parameters: of each component.
    package static func open(
        published folder: ModelFolder, parameters: [String: Int]
    ) throws(VideoError) -> any VideoModel {
        try open(folder, published: parameters)
    }

    private static func open(_ folder: ModelFolder, published: [String: Int]?) throws(VideoError) -> any VideoModel {
        do {
            guard folder.exists(Index.path) else { throw WeightError.notAModel(path: folder.name) }
            let name = try folder.config(Index.path, as: Index.self).className
            guard let family = table.first(where: { $0.className == name }) else {
                throw WeightError.otherPipeline(folder: folder.name, className: name, known: table.map(\.className))
            }
            return try family.open(folder, published)
        } catch {
            throw VideoError(reporting: folder.said(error))
        }
    }

    private struct Index: Decodable {
        static let path = "model_index.json"

        let className: String

        private enum CodingKeys: String, CodingKey {
            case className = "_class_name"
        }
    }
}
