import Compute
import Layers
import Models

/// The networks of a Wan model on one device, loaded or not.
struct WanNetworks {
    /// Loaded only for models that have one.
    let imageEncoder: Resident<CLIPVisionTower>
    let encoder: Resident<WanVAEEncoder>
    let textEncoder: Resident<T5Encoder>
    /// One for each expert.
    let transformers: [Resident<WanTransformer>]
    let decoder: Resident<WanVAEDecoder>
    let residency: Residency

    init(_ components: WanComponents, on device: Device) {
        let copies = device.backend.copiesWeights
        func bytes(_ component: String, isAdapted: Bool = false) -> Int {
            components.stored.bytes(component, dtype: device.dtype, copies: copies, isAdapted: isAdapted)
        }
        imageEncoder = Resident(bytes: bytes("image_encoder")) {
            try components.makeImageEncoder(on: device, watch: $0)
        }
        encoder = Resident(bytes: bytes("vae")) { try components.makeEncoder(on: device, watch: $0) }
        textEncoder = Resident(bytes: bytes("text_encoder")) { try components.makeTextEncoder(on: device, watch: $0) }
        transformers = (0..<(components.transformer2 == nil ? 1 : 2)).map { expert in
            Resident(bytes: bytes("transformer"), adaptedBytes: bytes("transformer", isAdapted: true)) {
                try components.makeTransformer(expert: expert, adapters: $0, on: device, watch: $1)
            }
        }
        decoder = Resident(bytes: bytes("vae")) { try components.makeDecoder(on: device, watch: $0) }
        residency = Residency([imageEncoder, encoder, textEncoder] + transformers + [decoder], on: device)
    }
}
