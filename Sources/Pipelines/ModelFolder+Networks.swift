import Compute
import Layers
import Models
import Weights

/// How the parts of a folder become configurations and networks, the same in every family.
extension ModelFolder {
    /// A backend that holds nothing: to check names, shapes and dtypes by building a network.
    static var nowhere: Device { Device(backend: CountingBackend(), dtype: .f32) }

    /// The configuration of a part, read and checked.
    func configuration<Config: Decodable>(
        _ path: String, _ table: FieldTable, validate: (Config, ConfigFields) throws -> Void
    ) throws -> Config {
        let config = try config(path, as: Config.self, table)
        try validate(config, ConfigFields(file: fullName(path)))
        return config
    }

    /// The network of a part, which has to use all its tensors.
    ///
    /// - Parameters:
    ///   - ignored: what else the part's files may hold.
    ///   - watch: told of every tensor.
    func network<Network>(
        _ part: String, ignoring ignored: [IgnoredKey] = [], watch: Checkpoint.Watch? = nil,
        _ make: (WeightScope) throws -> Network
    ) throws -> Network {
        let checkpoint = try Checkpoint(self, part, watch: watch)
        let network = try make(checkpoint.root)
        try checkpoint.assertAllUsed(ignoring: ignored)
        return network
    }

    func textEncoder(_ config: T5Config, on device: Device, watch: Checkpoint.Watch?) throws -> T5Encoder {
        let tied = IgnoredKey("shared.weight", reason: "tied to encoder.embed_tokens.weight")
        return try network("text_encoder", ignoring: [tied], watch: watch) { try T5Encoder($0, config, on: device) }
    }

    /// What LoRAs may change: the modules of a part.
    ///
    /// - Parameters:
    ///   - make: builds the network of the part.
    ///   - otherName: what a module is called in another layout; nil for what it does not have.
    func adapterTargets<Network>(
        _ part: String, _ make: (WeightScope, Device) throws -> Network,
        otherName: (_ name: String) -> String? = { _ in nil }
    ) throws -> AdapterTargets {
        let asked = AskedTensors()
        _ = try make(Checkpoint(self, part).root.telling(asked), Self.nowhere)
        return AdapterTargets(asked.shapes, otherName: otherName)
    }
}
