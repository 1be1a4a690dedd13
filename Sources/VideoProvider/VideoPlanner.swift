package import Compute
package import Pipelines
package import VideoTypes
import Weights

/// Says what a request comes to on a model, without a device: settings, and the work they are.
///
/// Opened once and asked from any thread.
package final class VideoPlanner: Sendable {
    /// How results name the model.
    package let modelName: String
    let model: any VideoModel
    private let defaults: Manifest.Defaults
    private let shelf: AdapterShelf

    /// Opens and checks the model.
    ///
    /// - Parameter adapters: where LoRAs lie.
    package init(_ source: ModelSource, adapters: AdapterPlace = .paths) throws(VideoError) {
        shelf = AdapterShelf(adapters)
        do {
            let manifest = try BuiltInModel.manifest()
            let entry: Manifest.Entry?
            switch source {
            case .builtIn:
                model = try Families.open(BuiltInModel.folder)
                entry = manifest.builtIn
                modelName = BuiltInModel.name
            case .files(let places):
                let files = try ModelFiles(places)
                let folder = try files.folder()
                model = try Families.open(folder)
                entry = try Self.entry(of: folder, files, places, in: manifest)
                modelName = entry?.id ?? folder.name
            case .published(let name):
                entry = manifest.entry(named: name)
                guard let entry, let folder = entry.folder else {
                    throw VideoError(.modelNotFound, "nothing is known of \(name) to plan with", field: .model)
                }
                model = try Families.open(published: folder, parameters: entry.components.mapValues(\.parameters))
                modelName = entry.id
            }
            defaults = entry?.defaults ?? manifest.unknown
        } catch {
            throw VideoError(reporting: error)
        }
    }

    /// What the list says of the model in a folder; an error where its files could be of two models.
    private static func entry(
        of folder: ModelFolder, _ files: ModelFiles, _ places: ModelPlaces, in manifest: Manifest
    ) throws -> Manifest.Entry? {
        let traits = try Traits(folder)
        let entry = manifest.entry(matching: traits)
        if let name = places.name, let named = manifest.entry(named: name), named.match != traits {
            throw VideoError(
                .weightsInvalid, "\(folder.name): the files are not of \(named.id): \(traits)", field: .model,
                hint: "name the model that they are of, or none")
        }
        if let entry, !files.isWholeForSure, let twin = manifest.models.first(where: { $0.isHalved(by: traits) }) {
            throw VideoError(
                .weightsInvalid,
                "\(folder.name): one transformer, which \(entry.id) has, or one expert of \(twin.id): which is it?",
                field: .model,
                remedies: [
                    "of \(entry.id): \(.model, entry.id) beside the files",
                    "of \(twin.id): give the other expert too, \(.transformer2, "FILE")",
                ])
        }
        return places.name.flatMap { manifest.entry(named: $0) } ?? entry
    }

    /// What a clip would run on, on a device of this kind; of a model whose files are not there the weights count as
    /// copied.
    ///
    /// - Parameters:
    ///   - dtype: of activations; nil for that of a device that is fast with bf16.
    ///   - terms: what clips may take of its memory.
    package func facts(of backend: any Backend, dtype: DType?, _ terms: MemoryTerms = MemoryTerms()) -> EngineFacts {
        let free = backend.memoryBytes
        return EngineFacts(
            model: modelName,
            device: DeviceProfile(
                name: backend.name, dtype: dtype ?? model.dtype(prefersBF16: true), copiesWeights: true,
                memoryBytes: terms.limitBytes.map { min($0, free ?? $0) } ?? free, offload: terms.offload))
    }

    /// A prompt that shows what the model can do.
    package var samplePrompt: String { defaults.samplePrompt ?? "" }

    /// What bounds every request, whatever the machine.
    package var limits: ProviderCapabilities.Limits {
        let grid = model.grid
        let frames = min(grid.maxFrames, VideoRequest.Limits.frames.upperBound)
        let side = VideoRequest.Limits.side.upperBound
        return ProviderCapabilities.Limits(
            maxDurationSeconds: Double(frames) / Double(defaults.fps),
            maxPixels: min(grid.maxWidth, side) * min(grid.maxHeight, side),
            sizeStep: max(grid.widthStep, grid.heightStep), frameStep: grid.frameStep,
            maxReferenceImages: model.pictures.needed.union(model.pictures.taken).count)
    }

    /// The request with every default and a concrete seed filled in, checked against the model.
    package func settings(for request: VideoRequest) throws(VideoError) -> VideoSettings {
        try order(for: request).settings
    }

    /// The LoRAs that a request can name; empty where it names paths.
    package var adapters: [AdapterListing] { shelf.listings }

    /// A request with its defaults, its pictures and its LoRAs, checked against the model.
    package struct Order {
        package let settings: VideoSettings
        let pictures: [PictureRole: Frame]
        let adapters: AdapterSet

        /// The same, decoded in tiles where only so it fits.
        func tiledWhereNeeded(on device: DeviceProfile, by model: any VideoModel) -> Order {
            Order(
                settings: model.tiledWhereNeeded(settings, on: device), pictures: pictures, adapters: adapters)
        }

        /// What of the LoRAs the model has no place for, one line each.
        package var remarks: [String] {
            adapters.reports.filter { !$0.unmatched.isEmpty }.map { report in
                let names = report.unmatched.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
                let more = report.unmatched.count > 3 ? ", …" : ""
                return "the LoRA \(report.name) changes \(report.changed) tensors; of \(report.unmatched.count) "
                    + "modules that it names the model has none: \(names)\(more)"
            }
        }
    }

    /// - Parameter awaited: roles of pictures that are still to come.
    func order(for request: VideoRequest, awaiting awaited: Set<PictureRole> = []) throws(VideoError) -> Order {
        try request.validate()
        var settings = try RequestResolution(
            request, defaults: defaults, model: model, modelName: modelName
        ).settings()
        let pictures = try RequestPictures(request.referenceImages)
        settings.inputs = pictures.inputs
        for role in PictureRole.allCases where awaited.contains(role) && pictures.frames[role] == nil {
            settings.inputs.append(ClipInput(role: role, digest: ""))
        }
        let adapters = try adapters(request.adapters ?? [])
        settings.adapters = adapters.inputs
        try model.validate(settings)
        return Order(settings: settings, pictures: pictures.frames, adapters: adapters)
    }

    func adapters(_ choices: [AdapterChoice]) throws(VideoError) -> AdapterSet {
        var found: [(input: AdapterInput, file: AdapterFile)] = []
        for choice in choices {
            let shelved = try shelf.open(choice.name)
            let input = AdapterInput(
                name: shelved.name, digest: shelved.digest, strength: choice.strength,
                expert: try expert(choice, shelved.name), steps: choice.steps, bytes: shelved.bytes)
            found.append((input, shelved.file))
        }
        return try AdapterSet(found, on: model)
    }

    /// The LoRAs that settings name, as they were when the settings were made.
    func adapters(of settings: VideoSettings) throws(VideoError) -> AdapterSet {
        var found: [(input: AdapterInput, file: AdapterFile)] = []
        for input in settings.adapters { found.append((input, try shelf.open(input).file)) }
        return try AdapterSet(found, on: model)
    }

    /// Whose weights a LoRA changes; files for one of two experts say so in their names alone.
    private func expert(_ choice: AdapterChoice, _ name: String) throws(VideoError) -> AdapterExpert {
        guard model.hasTwoExperts else {
            guard let expert = choice.expert, expert != .both else { return .both }
            throw .invalid(
                "the LoRA \(name) is for the expert of \(expert.rawValue) noise, \(modelName) has one expert",
                field: .adapters, hint: "leave \(expert.rawValue)= out")
        }
        if let expert = choice.expert { return expert }
        let words = name.lowercased().filter { $0.isLetter }
        let named = [AdapterExpert.high, .low].filter { words.contains($0.rawValue + "noise") }
        guard named.count == 1 else {
            throw .invalid(
                "\(modelName) has two experts, and the LoRA \(name) does not say which it is for", field: .adapters,
                hint: "which? write \(.adapters, "high=…"), \(.adapters, "low=…") or \(.adapters, "both=…")")
        }
        return named[0]
    }

    /// The request's settings and work; refuses what does not fit into memory, naming what would.
    ///
    /// - Parameter facts: what the clip would be made on; nil for an unknown device that is fast with bf16.
    package func plan(for request: VideoRequest, on facts: EngineFacts? = nil) throws(VideoError) -> ClipPlan {
        try plan(order(for: request).settings, on: facts)
    }

    /// The same before the pictures are there that the model needs.
    package func plan(forecasting request: VideoRequest, on facts: EngineFacts? = nil) throws(VideoError) -> ClipPlan {
        try plan(order(for: request, awaiting: model.pictures.needed).settings, on: facts)
    }

    private func plan(_ settings: VideoSettings, on facts: EngineFacts?) throws(VideoError) -> ClipPlan {
        let device = device(facts)
        let settings = model.tiledWhereNeeded(settings, on: device)
        try model.checkMemory(settings, on: device)
        return ClipPlan(settings: settings, work: model.work(settings, on: device))
    }

    /// Which weights are in memory when, and what that costs.
    package func residency(_ settings: VideoSettings, on facts: EngineFacts?) -> ResidencyPlan {
        model.memory(settings, on: device(facts)).residency
    }

    /// Who asks does not choose it, and hears no name.
    func device(_ facts: EngineFacts?) -> DeviceProfile {
        DeviceProfile(
            name: "the device", dtype: facts.flatMap { DType(rawValue: $0.dtype) } ?? model.dtype(prefersBF16: true),
            copiesWeights: facts?.copiesWeights ?? true, widensWeights: facts?.widensWeights ?? false,
            blockPlaces: facts?.blockPlaces ?? 2, granule: facts?.blockPlaces == 1 ? 64 : 256,
            memoryBytes: facts?.memoryBytes, offload: facts?.offload, keepsWeights: shelf.place.areShared)
    }
}
