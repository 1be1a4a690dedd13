import Backends
import Compute
import Pipelines
import VideoProvider
import VideoTypes

/// The options that say which model computes on what.
struct MachineOptions {
    /// As the words say it.
    let model: ModelSource
    let device: DeviceChoice
    /// Of activations; nil leaves the choice to model and backend.
    let dtype: DType?
    let threads: Int?
    /// What clips may take of the device's memory.
    let memory: MemoryTerms
    /// The same as options of another command.
    let words: [String]

    /// Options that say nothing of a clip or a model.
    static let ofMachine = ["device", "dtype", "threads", "vram-limit", "offload"]

    init(_ values: OptionValues, toPlan: Bool = false) throws(VideoError) {
        let model = try values.model(toPlan: toPlan)
        self.model = model
        device = try DeviceChoice(values.text("device"))
        dtype =
            switch try values.choice("dtype", ["auto", "f32", "bf16"]) {
            case "f32": .f32
            case "bf16": .bf16
            default: nil
            }
        threads = try values.integer("threads", in: 1...1024)
        memory = MemoryTerms(
            limitBytes: try values.gigabytes("vram-limit"),
            offload: try values.choice("offload", Offload.allCases.map(\.rawValue)).flatMap { Offload(rawValue: $0) })
        let names = ["model"] + Self.ofMachine + ModelPart.allCases.map(\.option)
        words = names.flatMap { name in
            // What a name was found to mean is looked for once.
            if name == "model", case .files(let places) = model, let path = places.model { return ["--model=\(path)"] }
            return values.text(name).map { ["--\(name)=\($0)"] } ?? []
        }
    }
}
