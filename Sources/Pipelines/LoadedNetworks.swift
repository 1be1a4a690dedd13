import Compute
import Layers
import Models

/// The networks of a model that are in a backend's memory.
///
/// They stay from clip to clip as long as there is room. Where there is not, the one that is wanted again last leaves
/// first: clip after clip asks for them in the same order, so that is the one used most recently.
final class LoadedNetworks {
    /// In the order in which a clip asks for them.
    enum Part: Int, CaseIterable {
        case textEncoder
        case transformer
        case transformer2
        case decoder
    }

    private let components: WanComponents
    private let device: Device
    private var textEncoder: T5Encoder?
    private var transformers: [Part: WanTransformer] = [:]
    private var decoder: WanVAEDecoder?

    init(_ components: WanComponents, on device: Device) {
        self.components = components
        self.device = device
    }

    /// Bytes of weights that are held.
    var heldBytes: Int { Part.allCases.filter(isLoaded).reduce(0) { $0 + bytes($1) } }

    /// The text encoder, loaded if it is not.
    ///
    /// - Parameter work: bytes that its stage needs beside the weights.
    func textEncoder(beside work: Int, _ progress: ProgressReporter) throws -> T5Encoder {
        makeRoom(for: .textEncoder, beside: work)
        if let textEncoder { return textEncoder }
        let loaded = try components.makeTextEncoder(on: device, watch: progress.beginLoad())
        textEncoder = loaded
        return loaded
    }

    /// A transformer, loaded if it is not.
    ///
    /// - Parameters:
    ///   - expert: 1 for the low-noise expert of a model with two.
    ///   - work: bytes that its stage needs beside the weights.
    func transformer(expert: Int, beside work: Int, _ progress: ProgressReporter) throws -> WanTransformer {
        let part = expert == 0 ? Part.transformer : .transformer2
        makeRoom(for: part, beside: work)
        if let transformer = transformers[part] { return transformer }
        let loaded = try components.makeTransformer(expert: expert, on: device, watch: progress.beginLoad())
        transformers[part] = loaded
        return loaded
    }

    /// The decoder, loaded if it is not.
    ///
    /// - Parameter work: bytes that its stage needs beside the weights.
    func decoder(beside work: Int, _ progress: ProgressReporter) throws -> WanVAEDecoder {
        makeRoom(for: .decoder, beside: work)
        if let decoder { return decoder }
        let loaded = try components.makeDecoder(on: device, watch: progress.beginLoad())
        decoder = loaded
        return loaded
    }

    func releaseAll() { Part.allCases.forEach(release) }

    /// Allocators and small tensors come on top of what is counted: a quarter stays free for them.
    private func makeRoom(for part: Part, beside work: Int) {
        let need = (work + (isLoaded(part) ? 0 : bytes(part))) / 4 * 5
        let count = Part.allCases.count
        for distance in 1..<count {
            guard let available = device.backend.memoryBytes, available < need else { return }
            if let other = Part(rawValue: (part.rawValue + count - distance) % count) { release(other) }
        }
    }

    private func isLoaded(_ part: Part) -> Bool {
        switch part {
        case .textEncoder: textEncoder != nil
        case .transformer, .transformer2: transformers[part] != nil
        case .decoder: decoder != nil
        }
    }

    private func release(_ part: Part) {
        switch part {
        case .textEncoder: textEncoder = nil
        case .transformer, .transformer2: transformers[part] = nil
        case .decoder: decoder = nil
        }
    }

    private func bytes(_ part: Part) -> Int {
        let weights = components.weights(dtype: device.dtype, copies: device.backend.copiesWeights)
        return switch part {
        case .textEncoder: weights.text
        case .transformer, .transformer2: weights.transformer
        case .decoder: weights.decoder
        }
    }
}
