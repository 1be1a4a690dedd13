package import Compute
import StrictJSON

/// `weights-manifest.json`: the models we know, and the settings that each deserves.
package struct Manifest: Sendable {
    package let models: [Entry]
    /// What a folder gets whose numbers match no entry; its flow shift is the folder's own.
    package let unknown: Defaults

    /// One model.
    package struct Entry: Decodable, Sendable {
        /// The name by which a user asks for it.
        package let id: String
        package let task: Task
        package let layout: Layout
        /// Where it is published; nil for the model inside the binary.
        package let repository: String?
        package let licence: String
        /// What the licence asks beyond naming the authors; nil where it asks nothing.
        package let licenceTerms: String?
        /// The revision to fetch, with the digests of its files; nil where any is taken as the hub has it.
        package let pinned: Pin?
        package let components: [String: Component]
        /// The numbers by which an opened folder is recognised.
        package let match: Traits?
        package fileprivate(set) var defaults: Defaults
        package let status: Status
        package let notes: String?
        /// What the published configurations say beside their classes' defaults.
        private let configs: [String: Config]?

        private enum CodingKeys: String, CodingKey {
            case id, task, layout, repository, licence, components, match, defaults, status, notes, configs, pinned
            case licenceTerms = "licence_terms"
        }

        /// Parameters of all components together.
        package var parameters: Int { components.values.reduce(0) { $0 + $1.count * $1.parameters } }

        /// Whether one of the model's two experts has these numbers.
        package func isHalved(by traits: Traits) -> Bool {
            guard let match, match.boundaryRatio != nil, traits.boundaryRatio == nil else { return false }
            return match.hasTransformer(of: traits)
        }

        /// The published folder without its weights and its tokenizer; nil where nobody wrote down what it says.
        package var folder: ModelFolder? {
            guard let configs else { return nil }
            var files: [String: HostBytes] = [:]
            for (name, config) in configs {
                let path =
                    switch name {
                    case "model_index": "model_index.json"
                    case "scheduler": "scheduler/scheduler_config.json"
                    case "image_processor": "image_processor/preprocessor_config.json"
                    default: "\(name)/config.json"
                    }
                files[path] = HostBytes(Array(config.text.utf8))
            }
            return ModelFolder(files: files, name: id)
        }
    }

    /// A configuration as it stands.
    private struct Config: Decodable, Sendable {
        let text: String

        init(from decoder: any Decoder) throws {
            guard let decoder = decoder as? JSONValueDecoder else {
                throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "not of a manifest"))
            }
            text = decoder.value.text
        }
    }

    /// What a model makes its clip from.
    package enum Task: String, Decodable, Sendable {
        case textToVideo = "text-to-video"
        case imageToVideo = "image-to-video"
    }

    /// How a model's files are arranged.
    package enum Layout: String, Decodable, Sendable {
        case embedded
        case diffusers
    }

    /// What has been proven.
    package enum Status: String, Decodable, Sendable {
        case builtIn = "built-in"
        /// Equal to Diffusers on small random models of the same structure.
        case exactOnTinyModels = "exact-on-tiny-models"
        case notSupported = "not-supported"
    }

    /// What a published model must be, byte by byte.
    package struct Pin: Decodable, Sendable, Equatable {
        /// A commit of the repository.
        package let revision: String
        /// The SHA-256 of files, by their paths in the repository.
        package let files: [String: String]

        package init(revision: String, files: [String: String]) {
            self.revision = revision
            self.files = files
        }
    }

    /// Some networks of equal size.
    package struct Component: Decodable, Sendable {
        package let count: Int
        package let parameters: Int
    }

    /// Settings for a request that does not say its own.
    package struct Defaults: Decodable, Sendable, Equatable {
        package let width: Int
        package let height: Int
        package let frames: Int
        package let fps: Int
        package let steps: Int
        package let guidance: Double
        /// For the expert of low noise.
        package let guidance2: Double?
        /// Nil: as the folder's scheduler_config.json says.
        package let flowShift: Double?
        package fileprivate(set) var negativePrompt: String
        /// What is drawn when nobody says anything.
        package fileprivate(set) var samplePrompt: String?

        private enum CodingKeys: String, CodingKey {
            case width, height, frames, fps, steps, guidance
            case guidance2 = "guidance_2"
            case flowShift = "flow_shift"
            case negativePrompt = "negative_prompt"
            case samplePrompt = "sample_prompt"
        }
    }

    /// Reads the manifest.
    ///
    /// - Parameter file: how errors name it.
    package init(_ bytes: HostBytes, file: String = "weights-manifest.json") throws(WeightError) {
        let text = try ModelFolder.decode(bytes, as: Text.self, file: file)
        guard text.version == 1 else {
            throw .config(file: file, field: "version", value: "\(text.version)", rule: "1")
        }
        func resolved(_ defaults: Defaults, _ field: String) throws(WeightError) -> Defaults {
            var defaults = defaults
            guard let prompt = text.negativePrompts[defaults.negativePrompt] else {
                let known = text.negativePrompts.keys.sorted().joined(separator: " or ")
                throw .config(file: file, field: field, value: defaults.negativePrompt, rule: known)
            }
            defaults.negativePrompt = prompt
            defaults.samplePrompt = defaults.samplePrompt ?? text.unknown.samplePrompt
            return defaults
        }
        var seen: Set<String> = []
        var models: [Entry] = []
        for var entry in text.models {
            guard seen.insert(entry.id).inserted else {
                throw .config(file: file, field: "models.id", value: entry.id, rule: "there once")
            }
            entry.defaults = try resolved(entry.defaults, "\(entry.id).negative_prompt")
            models.append(entry)
        }
        self.models = models
        unknown = try resolved(text.unknown, "unknown.negative_prompt")
    }

    /// The model inside the binary.
    package var builtIn: Entry? { models.first { $0.layout == .embedded } }

    /// The entry a user asks for by name or by repository.
    package func entry(named name: String) -> Entry? {
        let name = name.lowercased()
        return models.first { entry in
            let repository = entry.repository?.lowercased()
            // Its last part is what a clone of it is called.
            return entry.id == name || repository == name || repository?.hasSuffix("/" + name) == true
        }
    }

    /// The entry of a folder with these numbers.
    package func entry(matching traits: Traits) -> Entry? {
        models.first { $0.match == traits }
    }

    private struct Text: Decodable {
        let version: Int
        let negativePrompts: [String: String]
        let unknown: Defaults
        let models: [Entry]

        private enum CodingKeys: String, CodingKey {
            case version, unknown, models
            case negativePrompts = "negative_prompts"
        }
    }
}
