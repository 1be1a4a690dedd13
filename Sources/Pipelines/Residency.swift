import Compute
import Layers
import VideoTypes
import Weights

/// The networks of a model that are in a backend's memory.
///
/// They stay from clip to clip as long as there is room. Where there is not, the one that is wanted again last leaves
/// first: clip after clip asks for them in the same order, so that is the one used most recently.
final class Residency {
    let device: Device
    private let parts: [any ResidentPart]

    /// - Parameter parts: in the order in which a clip asks for them.
    init(_ parts: [any ResidentPart], on device: Device) {
        self.parts = parts
        self.device = device
    }

    /// The network, loaded if it is not.
    ///
    /// - Parameter work: bytes that its stage needs beside the weights.
    func network<Network>(
        _ part: Resident<Network>, beside work: Int, _ progress: ProgressReporter
    ) throws -> Network {
        makeRoom(for: part, beside: work)
        if let network = part.network { return network }
        let loaded = try part.load(part.adapters.deltas, progress.beginLoad())
        part.network = loaded
        return loaded
    }

    func releaseAll() {
        for part in parts { part.release() }
    }

    /// The device as it is now; what is held for clips to come counts as free.
    var profile: DeviceProfile {
        let held = parts.filter(\.isLoaded).reduce(0) { $0 + $1.bytes }
        return DeviceProfile(
            name: device.backend.name, dtype: device.dtype, copiesWeights: device.backend.copiesWeights,
            memoryBytes: device.backend.memoryBytes.map { $0 + held })
    }

    /// Checks settings against what the model can make on this device.
    func validate(_ settings: VideoSettings, for model: any VideoModel) throws(VideoError) {
        try model.validate(settings)
        do {
            try model.checkMemory(settings, on: profile)
        } catch {
            // What is held was counted; now it is measured.
            releaseAll()
            try model.checkMemory(settings, on: profile)
        }
    }

    /// Makes one clip; whatever goes wrong with it, the next begins with weights of its own.
    func clip(_ body: () throws -> Void) throws(VideoError) {
        do {
            try body()
        } catch {
            let error = VideoError(reporting: error)
            if error.code != .cancelled { releaseAll() }
            throw error
        }
    }

    /// Allocators and small tensors come on top of what is counted: a quarter stays free for them.
    private func makeRoom(for part: any ResidentPart, beside work: Int) {
        guard let place = parts.firstIndex(where: { $0 === part }) else {
            preconditionFailure("a part of another model")
        }
        let need = (work + (part.isLoaded ? 0 : part.bytes)) / 4 * 5
        for distance in 1..<max(parts.count, 1) {
            guard let available = device.backend.memoryBytes, available < need else { return }
            parts[(place + parts.count - distance) % parts.count].release()
        }
    }
}

/// A network of a model, whether it is in memory or not.
protocol ResidentPart: AnyObject {
    /// That it takes in the backend's memory.
    var bytes: Int { get }
    var isLoaded: Bool { get }
    func release()
}

/// A network and how it comes into memory.
final class Resident<Network>: ResidentPart {
    private let plainBytes: Int
    private let adaptedBytes: Int
    fileprivate let load: (_ adapters: WeightDeltas, _ watch: @escaping Checkpoint.Watch) throws -> Network
    fileprivate var network: Network?
    fileprivate private(set) var adapters = NetworkAdapters.none

    /// - Parameter load: tells `watch` of every tensor.
    init(bytes: Int, load: @escaping (_ watch: @escaping Checkpoint.Watch) throws -> Network) {
        plainBytes = bytes
        adaptedBytes = bytes
        self.load = { _, watch in try load(watch) }
    }

    /// One that LoRAs can be laid over.
    ///
    /// - Parameter adaptedBytes: what it takes with them, for sums lie in no file.
    init(
        bytes: Int, adaptedBytes: Int,
        load: @escaping (_ adapters: WeightDeltas, _ watch: @escaping Checkpoint.Watch) throws -> Network
    ) {
        plainBytes = bytes
        self.adaptedBytes = adaptedBytes
        self.load = load
    }

    var bytes: Int { adapters.deltas.isEmpty ? plainBytes : adaptedBytes }

    /// Leaves what is loaded only if it is the same with these LoRAs.
    func wear(_ adapters: NetworkAdapters) {
        guard adapters.name != self.adapters.name else { return }
        release()
        self.adapters = adapters
    }

    var isLoaded: Bool { network != nil }

    func release() { network = nil }
}
