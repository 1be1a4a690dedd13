import Compute
import ComputeCPU
import FakeGPU
import FoundationEssentials
import KernelEmulation
import Layers
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

/// LoRAs over matrices that stay as they are stored: what they add is computed beside them.
@Suite(.bounded(minutes: 20)) struct QuantisedAdapterTests {
    typealias Layout = QuantisedLayoutTests.Layout

    /// A matrix of the transformer, and what a LoRA adds to it.
    private struct Change {
        /// As Diffusers names it.
        let module: String
        let shape: [Int]
        let rank: Int
        let down: [Float]
        let up: [Float]

        init(_ module: String, _ shape: [Int], rank: Int, seed: Int) {
            self.module = module
            self.shape = shape
            self.rank = rank
            down = TestRandom.normal(rank * shape[1], seed: seed).map { $0 / 4 }
            up = TestRandom.normal(shape[0] * rank, seed: seed + 1).map { $0 / 4 }
        }

        /// The difference, row by row.
        var whole: [Double] {
            (0..<shape[0] * shape[1]).map { place in
                let (row, column) = (place / shape[1], place % shape[1])
                return (0..<rank).reduce(0.0) { sum, index in
                    sum + Double(up[row * rank + index]) * Double(down[index * shape[1] + column])
                }
            }
        }
    }

    /// - Parameter differs: whether a module's difference is written whole.
    private static func file(
        _ changes: [Change], wholeWhere differs: (Change) -> Bool = { _ in false }
    ) throws -> AdapterFile {
        var writer = SafetensorsWriter()
        for change in changes {
            let name = "transformer.\(change.module)"
            guard !differs(change) else {
                writer.add("\(name).diff", change.shape, change.whole.map { Float($0) })
                continue
            }
            writer.add("\(name).lora_A.weight", [change.rank, change.shape[1]], change.down)
            writer.add("\(name).lora_B.weight", [change.shape[0], change.rank], change.up)
        }
        return try AdapterFile(HostBytes(writer.file.header + writer.file.data), file: "style.safetensors")
    }

    /// One for each quantised matrix of a layout, of several ranks.
    private static func changes(_ folder: ModelFolder) throws -> [Change] {
        let source = try #require(folder.weights["transformer"])
        let quantised = ModelFiles.tensors(of: source)
            .filter { $0.entry.format?.quantisation != nil && $0.unused == nil }
        return try quantised.enumerated().map { index, tensor in
            let name = try #require(tensor.names.first)
            return Change(
                String(name.dropLast(".weight".count)), tensor.entry.shape, rank: 3 + index % 7, seed: 100 + 2 * index)
        }
    }

    private static func bound(_ dtype: DType) -> Double { dtype == .f32 ? 1e-4 : 3e-2 }

    // MARK: products

    @Test(arguments: QuantisedLayoutTests.layouts)
    func `each product is that with the sum, whatever follows it, on both devices`(_ layout: Layout) throws {
        let folder = try ModelFiles(layout.places).folder()
        for dtype in [DType.f32, .bf16] {
            try Self.compareProducts(folder, on: CPUBackend(threads: 2), dtype)
            let gpu = FakeGPU(8, 0)
            try Self.compareProducts(folder, on: gpu.backend(), dtype)
            #expect(gpu.finish() == [])
        }
    }

    private static func compareProducts(_ folder: ModelFolder, on backend: any Backend, _ dtype: DType) throws {
        let changes = try changes(folder)
        #expect(changes.count == 10)
        let targets = try Families.open(folder).adapterTargets(expert: 0)
        let deltas = try file(changes).deltas(on: targets, strength: 0.5).deltas
        let root = try Checkpoint(folder, "transformer").root
        let epilogues = ["none", "gelu", "silu", "add", "gated"]
        for (index, change) in changes.enumerated() {
            let stored = try root.tensor("\(change.module).weight", change.shape)
            let scope = root.adding(deltas, on: backend)[change.module]
            let (kept, beside) = try scope.matrix("weight", change.shape)
            #expect(kept.format == stored.format && beside?.rank == (change.rank + 7) / 8 * 8)
            let linear = try Linear(
                scope, in: change.shape[1], out: change.shape[0], on: Device(backend: backend, dtype: dtype))
            let weight = try backend.download(backend.vector(stored)).map(Double.init)
            let bias = try backend.download(backend.vector(root.tensor("\(change.module).bias", [change.shape[0]])))
            let product = Product(
                weight: weight, more: change.whole.map { 0.5 * $0 }, bias: bias.map(Double.init), shape: change.shape)
            // Every epilogue in turn, and all of them on the first.
            for name in index == 0 ? epilogues : [epilogues[index % epilogues.count]] {
                try product.compare(linear, name, on: backend, dtype, "\(change.module) \(backend.name)")
            }
        }
    }

    /// What a product must be.
    private struct Product {
        let weight: [Double]
        let more: [Double]
        let bias: [Double]
        let shape: [Int]

        func compare(
            _ linear: Linear, _ name: String, on backend: any Backend, _ dtype: DType, _ text: String
        ) throws {
            let (rows, n, k) = (5, shape[0], shape[1])
            let (x, old) = (TestRandom.normal(rows * k, seed: 7), TestRandom.normal(rows * n, seed: 8))
            let gate = TestRandom.normal(n, seed: 9)
            func tensor(_ values: [Float], _ shape: Shape, _ dtype: DType) throws -> Tensor {
                let out = try backend.allocate(shape, dtype)
                try backend.copy(backend.upload(values, shape), into: out)
                return out
            }
            let epilogue: Epilogue =
                switch name {
                case "gelu": .gelu
                case "silu": .silu
                case "add": .add
                case "gated": .gatedAdd(gate: try tensor(gate, [n], .f32))
                default: .none
                }
            let (given, out) = try (tensor(x, [rows, k], dtype), tensor(old, [rows, n], .f32))
            let input = try backend.download(given).map(Double.init)
            try linear(given, epilogue, into: out)
            func expected(_ weight: (Int) -> Double) -> [Float] {
                (0..<rows * n).map { place in
                    let (row, column) = (place / n, place % n)
                    let y = (0..<k).reduce(bias[column]) { $0 + input[row * k + $1] * weight(column * k + $1) }
                    let result =
                        switch name {
                        case "gelu": geluTanh(y)
                        case "silu": silu(y)
                        case "add": Double(old[place]) + y
                        case "gated": Double(old[place]) + Double(gate[column]) * y
                        default: y
                        }
                    return Float(result)
                }
            }
            let found = try backend.download(out)
            let deviation = Deviation(found, from: expected { weight[$0] + more[$0] })
            #expect(deviation.relative < bound(dtype), "\(text), \(name) in \(dtype): \(deviation)")
            // What is added shows.
            #expect(Deviation(found, from: expected { weight[$0] }).relative > 0.1, "\(text), \(name)")
        }
    }

    // MARK: clips

    @Test(arguments: QuantisedLayoutTests.layouts)
    func `a clip is that of the sums in f32, on both devices`(_ layout: Layout) throws {
        let folder = try ModelFiles(layout.places).folder()
        let plain = try QuantisedLayoutTests.plain(folder, layout)
        let adapter = try Self.file(Self.changes(folder))
        for dtype in [DType.f32, .bf16] {
            let backend = try CPUBackend(threads: 2)
            let expected = try QuantisedLayoutTests.clip(plain, on: backend, dtype, adapter: adapter)
            let found = try QuantisedLayoutTests.clip(folder, on: backend, dtype, adapter: adapter)
            let deviation = Deviation(found.latents, from: expected.latents)
            #expect(deviation.relative < Self.bound(dtype), "\(dtype): \(deviation)")
            let bare = try QuantisedLayoutTests.clip(folder, on: backend, dtype)
            #expect(Deviation(bare.latents, from: expected.latents).relative > 10 * Self.bound(dtype))
            let gpu = dtype == .f32 ? FakeGPU(8, 0) : FakeGPU(9, 0)
            let still = try QuantisedLayoutTests.clip(folder, on: gpu.backend(), dtype, frames: 1, adapter: adapter)
            #expect(gpu.finish() == [])
            let same = try QuantisedLayoutTests.clip(plain, on: backend, dtype, frames: 1, adapter: adapter)
            let distance = Deviation(still.latents, from: same.latents)
            #expect(distance.relative < Self.bound(dtype), "GPU, \(dtype): \(distance)")
        }
    }

    @Test func `whole differences are summed with the numbers of their matrices`() throws {
        let layout = QuantisedLayoutTests.layouts[0]
        let folder = try ModelFiles(layout.places).folder()
        let backend = try CPUBackend(threads: 2)
        let changes = try Self.changes(folder)
        let products = try QuantisedLayoutTests.clip(folder, on: backend, .f32, adapter: Self.file(changes))
        let mixed = try Self.file(changes) { $0.module.hasSuffix("to_q") || $0.module.contains("ffn") }
        let sums = try QuantisedLayoutTests.clip(folder, on: backend, .f32, adapter: mixed)
        let deviation = Deviation(sums.latents, from: products.latents)
        #expect(deviation.relative < 1e-4, "\(deviation)")
    }

    // MARK: blocks

    /// Blocks of one matrix in fp8 each.
    private static func blocks(_ count: Int, _ shape: [Int]) throws -> Checkpoint {
        var (fields, data) = ([String](), [UInt8]())
        for index in 0..<count {
            let bytes = TestRandom.normal(shape[0] * shape[1], seed: index).map { value in
                // Of numbers from -2 to 2 with three bits behind the first.
                UInt8(value < 0 ? 0x80 : 0) | UInt8(0x38 + Int(min(abs(value), 1.9) * 4))
            }
            fields.append(
                #""blocks.\#(index).weight":{"dtype":"F8_E4M3","shape":\#(shape),"#
                    + #""data_offsets":[\#(data.count),\#(data.count + bytes.count)]}"#)
            data += bytes
        }
        var header = "{\(fields.joined(separator: ","))}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
        let bytes = HostBytes(length + Array(header.utf8) + data)
        return try Checkpoint(WeightSource(TensorFiles.open(bytes, file: "blocks")))
    }

    @Test func `blocks that take turns wear what each of them is given`() throws {
        let (count, shape) = (6, [16, 24])
        let checkpoint = try Self.blocks(count, shape)
        // Two are changed by one rank, one by another, the rest by nothing.
        let changes = [0: 3, 2: 20, 3: 5].sorted { $0.key < $1.key }.map { index, rank in
            Change("blocks.\(index)", shape, rank: rank, seed: 50 + index)
        }
        let shapes = Dictionary(uniqueKeysWithValues: checkpoint.keys.map { ($0, shape) })
        let deltas = try Self.file(changes).deltas(on: AdapterTargets(shapes) { _ in nil }, strength: 1).deltas
        func rows(_ backend: any Backend, staying: Int?) throws -> [[Float]] {
            let device = Device(backend: backend, dtype: .f32, stayingBlocks: staying)
            let w = checkpoint.root.adding(deltas, on: backend)["blocks"]
            let blocks = try Blocks(w, count: count, on: device) { w, _ in
                try Linear(w, in: shape[1], out: shape[0], hasBias: false, on: device)
            }
            #expect(blocks.areMoving == (staying != nil))
            var found: [[Float]] = []
            for _ in 0..<2 {
                try blocks.inTurn { (_, block) throws(ComputeError) in
                    let x = try backend.upload(TestRandom.normal(3 * shape[1], seed: 1), [3, shape[1]])
                    found.append(try backend.download(block(x)))
                }
            }
            return found
        }
        let gpu = FakeGPU(8, 0)
        for backend in [try CPUBackend(threads: 2), try gpu.backend()] as [any Backend] {
            let resident = try rows(backend, staying: nil)
            #expect(Set(resident).count == count && resident[..<count] == resident[count...])
            for staying in [0, 1, 3] { #expect(try rows(backend, staying: staying) == resident, "\(staying)") }
        }
        #expect(gpu.finish() == [])
    }
}
