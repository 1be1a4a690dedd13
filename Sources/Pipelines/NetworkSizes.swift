import Compute
import Models
import VideoTypes

/// What the networks of a model take on a device.
struct NetworkSizes {
    let textEncoder: NetworkSize
    /// Nothing where there is none.
    let imageEncoder: NetworkSize
    let transformer: NetworkSize
    /// With LoRAs summed with its dense weights.
    let adaptedTransformer: NetworkSize
    /// Bytes that a number of a LoRA takes beside quantised weights; 0 where there are none.
    private let widthBeside: Int
    let encoder: NetworkSize
    let decoder: NetworkSize

    /// Blocks that are made alike, and the numbers of one.
    typealias Blocks = (count: Int, parameters: Int)

    /// - Parameters:
    ///   - decoder: numbers that the decoder reads of the autoencoder.
    ///   - encoder: the same of its encoder.
    init(
        _ stored: StoredWeights, text: Blocks, transformer blocks: Blocks, decoder: Int, encoder: Int,
        on device: DeviceProfile
    ) {
        func size(_ component: String, _ blocks: Blocks, isAdapted: Bool = false) -> NetworkSize {
            NetworkSize(
                stored.bytes(component, on: device, isAdapted: isAdapted), parameters: stored.parameters(component),
                blocks: blocks.count, blockParameters: blocks.parameters, on: device)
        }
        textEncoder = size("text_encoder", text)
        imageEncoder = NetworkSize(stored.bytes("image_encoder", on: device))
        transformer = size("transformer", blocks)
        adaptedTransformer = size("transformer", blocks, isAdapted: true)
        widthBeside = stored.isQuantised("transformer") ? device.dtype.byteWidth : 0
        self.encoder = NetworkSize(stored.bytes("vae", on: device, read: encoder))
        self.decoder = NetworkSize(stored.bytes("vae", on: device, read: decoder))
    }

    /// The transformer with the LoRAs that settings name, whose files hold no less than 16 bits a number.
    func transformer(with adapters: [AdapterInput]) -> NetworkSize {
        guard !adapters.isEmpty else { return transformer }
        let numbers = adapters.reduce(0) { $0 + ($1.bytes ?? 0) / 2 }
        return adaptedTransformer.adding(numbers * widthBeside)
    }
}
