import Models

/// What the networks of a model take on a device.
struct NetworkSizes {
    let textEncoder: NetworkSize
    /// Nothing where there is none.
    let imageEncoder: NetworkSize
    let transformer: NetworkSize
    /// With LoRAs.
    let adaptedTransformer: NetworkSize
    let encoder: NetworkSize
    let decoder: NetworkSize
    /// What of a transformer can be copied as it is while another is at work, bytes.
    let readyTransformer: Int

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
                stored.bytes(component, on: device, isAdapted: isAdapted),
                converted: stored.convertedBytes(component, on: device, isAdapted: isAdapted),
                parameters: stored.parameters(component), blocks: blocks.count, blockParameters: blocks.parameters,
                on: device)
        }
        textEncoder = size("text_encoder", text)
        imageEncoder = NetworkSize(stored.bytes("image_encoder", on: device))
        transformer = size("transformer", blocks)
        adaptedTransformer = size("transformer", blocks, isAdapted: true)
        readyTransformer =
            device.copiesBesideWork ? transformer.bytes - stored.convertedBytes("transformer", on: device) : 0
        self.encoder = NetworkSize(stored.bytes("vae", on: device, read: encoder))
        self.decoder = NetworkSize(stored.bytes("vae", on: device, read: decoder))
    }
}
