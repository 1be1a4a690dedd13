import Models

/// What the networks of a CogVideoX model take on a device.
struct CogVideoXSizes {
    let textEncoder: NetworkSize
    let transformer: NetworkSize
    /// With LoRAs.
    let adaptedTransformer: NetworkSize
    let encoder: NetworkSize
    let decoder: NetworkSize

    init(_ components: CogVideoXComponents, on device: DeviceProfile) {
        let (stored, text, config) = (components.stored, components.textEncoder, components.transformer)
        textEncoder = NetworkSize(
            stored.bytes("text_encoder", on: device), parameters: stored.parameters("text_encoder"),
            blocks: text.numLayers, blockParameters: text.blockParameters, on: device)
        func size(isAdapted: Bool) -> NetworkSize {
            NetworkSize(
                stored.bytes("transformer", on: device, isAdapted: isAdapted),
                parameters: stored.parameters("transformer"), blocks: config.numLayers,
                blockParameters: config.blockParameters, on: device)
        }
        transformer = size(isAdapted: false)
        adaptedTransformer = size(isAdapted: true)
        encoder = NetworkSize(stored.bytes("vae", on: device, read: components.encoderParameters))
        decoder = NetworkSize(stored.bytes("vae", on: device, read: components.decoderParameters))
    }
}
