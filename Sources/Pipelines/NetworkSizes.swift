import Compute
import Models
import VideoTypes

/// What the networks of a model take on a device.
struct NetworkSizes {
    let textEncoder: NetworkSize
    /// Nothing where there is none.
    let imageEncoder: NetworkSize
    /// One for each expert.
    let transformers: [NetworkSize]
    /// With LoRAs, summed with their dense weights where those need not be kept.
    let adaptedTransformers: [NetworkSize]
    /// Bytes that a number of a LoRA takes beside weights of each expert; 0 where all are summed.
    private let widthsBeside: [Int]
    let encoder: NetworkSize
    let decoder: NetworkSize
    /// What of the second expert can be copied as it is while the first is at work, bytes.
    let ready: Int

    /// Blocks that are made alike, and the numbers of one.
    typealias Blocks = (count: Int, parameters: Int)

    /// - Parameters:
    ///   - experts: components that denoise.
    ///   - decoder: numbers that the decoder reads of the autoencoder.
    ///   - encoder: the same of its encoder.
    init(
        _ stored: StoredWeights, text: Blocks, experts: [(component: String, blocks: Blocks)], decoder: Int,
        encoder: Int, on device: DeviceProfile
    ) {
        func size(_ component: String, _ blocks: Blocks, isAdapted: Bool = false) -> NetworkSize {
            NetworkSize(
                stored.bytes(component, on: device, isAdapted: isAdapted),
                converted: stored.convertedBytes(component, on: device, isAdapted: isAdapted),
                parameters: stored.parameters(component), blocks: blocks.count, blockParameters: blocks.parameters,
                on: device)
        }
        textEncoder = size("text_encoder", text)
        imageEncoder = NetworkSize(stored.bytes("image_encoder", on: device))
        transformers = experts.map { size($0.component, $0.blocks) }
        adaptedTransformers = experts.map { size($0.component, $0.blocks, isAdapted: !device.keepsWeights) }
        widthsBeside = experts.map {
            device.keepsWeights || stored.isQuantised($0.component) ? device.dtype.byteWidth : 0
        }
        if device.copiesBesideWork, experts.count > 1 {
            ready = transformers[1].bytes - stored.convertedBytes(experts[1].component, on: device)
        } else {
            ready = 0
        }
        self.encoder = NetworkSize(stored.bytes("vae", on: device, read: encoder))
        self.decoder = NetworkSize(stored.bytes("vae", on: device, read: decoder))
    }

    /// The transformers with the LoRAs that settings name, whose files hold no less than 16 bits a number.
    func experts(with adapters: [AdapterInput]) -> [NetworkSize] {
        guard !adapters.isEmpty else { return transformers }
        let numbers = adapters.reduce(0) { $0 + ($1.bytes ?? 0) / 2 }
        return zip(adaptedTransformers, widthsBeside).map { $0.adding(numbers * $1) }
    }
}
