import Compute
import Layers
import Models

/// The networks of a Wan model on one device, loaded or not.
struct WanNetworks {
    /// Loaded only for models that have one.
    let imageEncoder: Resident<CLIPVisionTower>
    let encoder: Resident<any WanEncoder>
    let textEncoder: Resident<T5Encoder>
    /// One for each expert.
    let transformers: [Resident<WanTransformer>]
    let decoder: Resident<WanVAEDecoder>
    let residency: Residency

    init(_ components: WanComponents, on device: Device, _ terms: MemoryTerms) {
        let sizes = components.sizes(on: DeviceProfile(device, terms))
        imageEncoder = Resident(sizes.imageEncoder) { try components.makeImageEncoder(on: $0, watch: $1) }
        encoder = Resident(sizes.encoder) { try components.makeEncoder(on: $0, watch: $1) }
        textEncoder = Resident(sizes.textEncoder) { try components.makeTextEncoder(on: $0, watch: $1) }
        transformers = (0..<(components.transformer2 == nil ? 1 : 2)).map { expert in
            Resident(sizes.transformers[expert], adapted: sizes.adaptedTransformers[expert]) {
                try components.makeTransformer(expert: expert, adapters: $0, beside: $1, on: $2, watch: $3)
            }
        }
        decoder = Resident(sizes.decoder) { try components.makeDecoder(on: $0, watch: $1) }
        residency = Residency(
            readers: [imageEncoder, encoder, textEncoder], transformers + [decoder], on: device, terms)
    }
}
