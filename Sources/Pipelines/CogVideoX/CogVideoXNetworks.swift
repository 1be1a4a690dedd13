import Compute
import Layers
import Models

/// The networks of a CogVideoX model on one device, loaded or not.
struct CogVideoXNetworks {
    let textEncoder: Resident<T5Encoder>
    let encoder: Resident<CogVideoXVAEEncoder>
    let transformer: Resident<CogVideoXTransformer>
    let decoder: Resident<CogVideoXVAEDecoder>
    let residency: Residency

    init(_ components: CogVideoXComponents, on device: Device, _ terms: MemoryTerms) {
        let sizes = components.sizes(on: DeviceProfile(device, terms))
        textEncoder = Resident(sizes.textEncoder) { try components.makeTextEncoder(on: $0, watch: $1) }
        encoder = Resident(sizes.encoder) { try components.makeEncoder(on: $0, watch: $1) }
        transformer = Resident(sizes.transformers[0], adapted: sizes.adaptedTransformers[0]) {
            try components.makeTransformer(adapters: $0, beside: $1, on: $2, watch: $3)
        }
        decoder = Resident(sizes.decoder) { try components.makeDecoder(on: $0, watch: $1) }
        residency = Residency(readers: [textEncoder, encoder], [transformer, decoder], on: device, terms)
    }
}
