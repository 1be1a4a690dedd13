package import Compute
import Pipelines
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

    /// Opens and checks the model.
    package init(_ source: ModelSource) throws(VideoError) {
        do {
            let manifest = try BuiltInModel.manifest()
            let entry: Manifest.Entry?
            switch source {
            case .builtIn:
                model = try Families.open(BuiltInModel.folder)
                entry = manifest.builtIn
                modelName = BuiltInModel.name
            case .folder(let path):
                let folder = try ModelFolder(path: path)
                model = try Families.open(folder)
                entry = try manifest.entry(matching: Traits(folder))
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

    /// What a clip would run on, on a device of this kind; of a model whose files are not there the weights count as
    /// copied.
    ///
    /// - Parameter dtype: of activations; nil for that of a device that is fast with bf16.
    package func facts(of backend: any Backend, dtype: DType?) -> EngineFacts {
        EngineFacts(
            model: modelName,
            device: DeviceProfile(
                name: backend.name, dtype: dtype ?? model.dtype(prefersBF16: true), copiesWeights: true,
                memoryBytes: backend.memoryBytes))
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

    /// A request with its defaults and its pictures, checked against the model.
    struct Order {
        let settings: VideoSettings
        let pictures: [PictureRole: Frame]
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
        try model.validate(settings)
        return Order(settings: settings, pictures: pictures.frames)
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
        try model.checkMemory(settings, on: device)
        return ClipPlan(settings: settings, work: model.work(settings, on: device))
    }

    /// Who asks does not choose it, and hears no name.
    private func device(_ facts: EngineFacts?) -> DeviceProfile {
        DeviceProfile(
            name: "the device", dtype: facts.flatMap { DType(rawValue: $0.dtype) } ?? model.dtype(prefersBF16: true),
            copiesWeights: facts?.copiesWeights ?? true, memoryBytes: facts?.memoryBytes)
    }
}
