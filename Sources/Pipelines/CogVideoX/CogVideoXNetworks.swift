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

    init(_ components: CogVideoXComponents, on device: Device) {
        func bytes(_ component: String, isAdapted: Bool = false) -> Int {
            components.stored.bytes(
                component, dtype: device.dtype, copies: device.backend.copiesWeights, isAdapted: isAdapted)
        }
        textEncoder = Resident(bytes: bytes("text_encoder")) { try components.makeTextEncoder(on: device, watch: $0) }
        encoder = Resident(bytes: bytes("vae")) { try components.makeEncoder(on: device, watch: $0) }
        transformer = Resident(bytes: bytes("transformer"), adaptedBytes: bytes("transformer", isAdapted: true)) {
            try components.makeTransformer(adapters: $0, on: device, watch: $1)
        }
        decoder = Resident(bytes: bytes("vae")) { try components.makeDecoder(on: device, watch: $0) }
        residency = Residency([textEncoder, encoder, transformer, decoder], on: device)
    }
}
