package import Compute
package import Pipelines
package import VideoTypes

/// Where a model comes from.
package enum ModelSource: Sendable, Hashable {
    case builtIn
    /// Files in any layout that is read.
    case files(ModelPlaces)
    /// A model of the manifest by its name, without its weights: to plan with.
    case published(String)

    /// A folder or file that holds all of a model.
    package static func folder(_ path: String) -> ModelSource { .files(ModelPlaces(model: path)) }
}

/// How the engine runs, apart from what it is asked to make.
package struct EngineOptions: Sendable {
    package var model: ModelSource
    /// Of activations; nil leaves the choice to model and backend.
    package var dtype: DType?
    /// What clips may take of the device's memory.
    package var memory: MemoryTerms
    /// Whether clips carry their prompt and settings.
    package var writesMetadata: Bool
    /// Where LoRAs lie.
    package var adapters: AdapterPlace
    /// Where to write every intermediate result as safetensors, for comparison with a reference.
    package var dumpPath: String?
    /// Whether a step whose numbers are not finite is made again in f32.
    package var retriesInF32: Bool
    /// Joules that the device has taken so far; nil where nobody counts.
    package var joules: (@Sendable () -> Double?)?
    /// Called when a checkpoint is half written; tests of durability end the process there.
    package var duringCheckpoint: (@Sendable () -> Void)?

    package init(
        model: ModelSource = .builtIn, dtype: DType? = nil, memory: MemoryTerms = MemoryTerms(),
        adapters: AdapterPlace = .paths,
        writesMetadata: Bool = true, dumpPath: String? = nil, retriesInF32: Bool = false,
        duringCheckpoint: (@Sendable () -> Void)? = nil
    ) {
        self.model = model
        self.dtype = dtype
        self.memory = memory
        self.adapters = adapters
        self.writesMetadata = writesMetadata
        self.dumpPath = dumpPath
        self.retriesInF32 = retriesInF32
        self.duringCheckpoint = duringCheckpoint
    }

    /// What clips may take, and what stays for those with other LoRAs.
    var terms: MemoryTerms {
        var terms = memory
        terms.keepsWeights = memory.keepsWeights || adapters.areShared
        return terms
    }
}
