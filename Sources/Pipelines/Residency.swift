import Compute
import Layers
import VideoTypes
import Weights

/// The networks of a model that are in a backend's memory.
///
/// They stay from clip to clip as long as the plan of a clip leaves them there and there is room. Where there is not,
/// the one that is wanted again last leaves first: clip after clip asks for them in the same order, so that is the one
/// used most recently.
final class Residency {
    let device: Device
    private let terms: MemoryTerms
    /// Those that read text and pictures.
    private let readers: [any ResidentPart]
    private let parts: [any ResidentPart]

    /// - Parameters:
    ///   - readers: those that read text and pictures, in the order in which a clip asks for them.
    ///   - others: the rest, in the same order.
    init(readers: [any ResidentPart], _ others: [any ResidentPart], on device: Device, _ terms: MemoryTerms) {
        self.readers = readers
        parts = readers + others
        self.device = device
        self.terms = terms
    }

    /// The network, loaded if it is not, for a stage of a clip; what the plan does not want beside it leaves.
    func network<Network>(
        _ part: Resident<Network>, for stage: VideoProgress.Stage, _ memory: MemoryEstimate,
        _ progress: ProgressReporter
    ) throws -> Network {
        part.keep(memory.residency.turns[stage]?.staying)
        let leaving =
            switch memory.residency.offload {
            case .none: [any ResidentPart]()
            case .text: readers
            case .networks, .blocks: parts
            }
        for other in leaving where other !== part { other.release() }
        for other in parts where other !== part { other.dropPages() }
        makeRoom(for: part, beside: memory[stage].work)
        if let network = part.network { return network }
        if let coming = part.coming {
            part.coming = nil
            _ = try progress.beginLoad()
            try coming.weights.finish()
            part.network = coming.network
            try progress.endLoad()
            return coming.network
        }
        let tell = try progress.beginLoad()
        var sources: [HostBytes] = []
        let matrices = terms.keepsWeights ? HeldMatrices(after: part.matrices) : nil
        let loaded = try part.load(part.adapters.deltas, matrices, device.keeping(part.staying)) {
            (bytes, taken, count) throws(WeightError) in
            sources.append(bytes)
            try tell(bytes, taken, count)
        }
        (part.network, part.matrices, part.sources) = (loaded, matrices, sources)
        try progress.endLoad()
        return loaded
    }

    /// Makes a network whose turn comes, with as many of its weights as the plan has room for beside the one at work.
    ///
    /// Nil where nothing of it may come before the other has left.
    func foresee<Network>(_ part: Resident<Network>, _ memory: MemoryEstimate) throws -> (any LateWeights)? {
        let room = memory.residency.aheadBytes
        guard room > 0, device.backend.copiesWeights, part.network == nil, part.coming == nil,
            part.adapters.deltas.isEmpty
        else { return nil }
        var made: Network?
        let weights = try device.backend.late {
            made = try part.load(WeightDeltas(), nil, device.keeping(nil), Self.unwatched)
        }
        guard let weights, let made else { return nil }
        try weights.takePlaces(within: room)
        part.coming = (made, weights)
        return weights
    }

    private static func unwatched(_ bytes: HostBytes, _ taken: Int, _ count: Int) throws(WeightError) {}

    func releaseAll() {
        for part in parts { part.release() }
    }

    /// The device as it is now; what is held for clips to come counts as free.
    var profile: DeviceProfile {
        DeviceProfile(device, terms, held: parts.filter(\.isLoaded).reduce(0) { $0 + $1.bytes })
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
            // What is whole stays where nothing is wrong.
            for part in parts where error.code != .cancelled || !part.isLoaded { part.release() }
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
    /// Whether that memory is taken.
    var isLoaded: Bool { get }
    func release()
    /// Gives back the memory behind weights that are used where they lie in their files: whoever reads them next has
    /// them again.
    func dropPages()
}

/// A network and how it comes into memory.
final class Resident<Network>: ResidentPart {
    private let plain: NetworkSize
    private let adapted: NetworkSize
    fileprivate let load: Load
    fileprivate var network: Network?
    /// The network's, for the one with other LoRAs; nil where they are not kept for it.
    fileprivate var matrices: HeldMatrices?
    /// What the network was made of.
    fileprivate var sources: [HostBytes] = []
    /// The network before all its weights are there.
    fileprivate var coming: (network: Network, weights: any LateWeights)?
    fileprivate private(set) var adapters = NetworkAdapters.none
    /// How many of its blocks stay while the others take turns; nil for all.
    fileprivate private(set) var staying: Int?

    /// Makes the network of its files, LoRAs beside `matrices` or summed with them; `watch` is told of every tensor.
    typealias Load = (
        _ adapters: WeightDeltas, _ matrices: HeldMatrices?, _ device: Device, _ watch: @escaping Checkpoint.Watch
    ) throws -> Network

    /// One that no LoRA changes.
    init(_ size: NetworkSize, load: @escaping (_ device: Device, _ watch: @escaping Checkpoint.Watch) throws -> Network)
    {
        plain = size
        adapted = size
        self.load = { _, _, device, watch in try load(device, watch) }
    }

    /// One that LoRAs can be laid over.
    ///
    /// - Parameter adapted: what it takes with them: sums lie in no file.
    init(_ size: NetworkSize, adapted: NetworkSize, load: @escaping Load) {
        plain = size
        self.adapted = adapted
        self.load = load
    }

    var bytes: Int { (adapters.deltas.isEmpty ? plain : adapted).bytes(staying: staying) }

    /// Leaves of what is loaded only what is the same with these LoRAs.
    func wear(_ adapters: NetworkAdapters) {
        guard adapters.name != self.adapters.name else { return }
        if matrices == nil { release() }
        (network, coming) = (nil, nil)
        self.adapters = adapters
    }

    /// Leaves what is loaded only if as many of its blocks stay.
    ///
    /// - Parameter blocks: nil for all.
    func keep(_ blocks: Int?) {
        guard plain.blocks > 0, blocks != staying else { return }
        release()
        staying = blocks
    }

    var isLoaded: Bool { network != nil || matrices != nil }

    func release() {
        dropPages()
        (network, matrices, sources, coming) = (nil, nil, [], nil)
    }

    func dropPages() {
        for bytes in sources { bytes.dropPages() }
    }
}
