import Compute
import TestTools
import Testing
import Weights

@Suite(.bounded) struct MatrixScalesTests {
    /// What is stored beside a matrix `x.weight` of 300 rows and 200 columns.
    private struct Stored {
        var tensors: [String: StoredTensor] = [:]
        var texts: [String: String] = [:]
        var header: String?

        func scales() throws(WeightError) -> MatrixScales {
            try MatrixScales(Array(tensors.keys) + texts.keys, headers: header.map { [$0] } ?? [], file: "m") { key in
                texts[key].map { HostBytes(Array($0.utf8)) }
            }
        }

        func matrix(_ quantisation: Quantisation, _ shape: [Int] = [300, 200]) throws(WeightError) -> StoredTensor {
            let bytes = HostBytes([UInt8](repeating: 1, count: shape.reduce(1, *)))
            return try scales().tensor("x.weight", bytes, quantisation, shape: shape, file: "m") {
                (key) throws(WeightError) in
                guard let tensor = tensors[key] else { throw .missing(key: key, file: "m") }
                return tensor
            }
        }
    }

    private let empty = StoredTensor([], [0])

    private func stored(_ name: String, _ values: [Float], _ shape: Shape) -> Stored {
        var stored = Stored()
        stored.tensors = ["x.weight": empty, name: StoredTensor(values, shape)]
        return stored
    }

    private func problem(_ body: () throws(WeightError) -> Void) -> ScaleProblem? {
        guard case .badScale(_, "m", let problem)? = failure(body) else { return nil }
        return problem
    }

    @Test(arguments: ["x.scale_weight", "x.weight_scale"])
    func `a scale is for the whole matrix or a row, as its shape says`(name: String) throws {
        let rows = (0..<300).map { Float($0) / 64 }
        for (values, shape, extent) in [
            ([0.5], [], WeightScales.Extent.matrix), ([0.5], [1], .matrix), (rows, [300], .row),
            (rows, [300, 1], .row),
        ] as [([Float], Shape, WeightScales.Extent)] {
            for quantisation in [Quantisation.e4m3, .e5m2, .int8] {
                let tensor = try stored(name, values, shape).matrix(quantisation)
                let scales = try #require(tensor.scales)
                #expect(scales.extent == extent && scales.values.floats == values, "\(shape)")
                #expect(tensor.format == .quantised(quantisation))
            }
        }
        #expect(try stored(name, [1], []).scales().companions == [name: .with("x.weight")])
    }

    @Test func `fp8 without a scale is a cast, whole numbers without one are refused`() throws {
        let stored = Stored(tensors: ["x.weight": empty])
        #expect(try stored.matrix(.e4m3).scales == nil)
        #expect(problem { () throws(WeightError) in _ = try stored.matrix(.int8) } == .missing)
        let levels = Stored(tensors: ["x.int8_weight": empty])
        #expect(problem { () throws(WeightError) in _ = try levels.scales() } == .missing)
    }

    @Test func `TurboDiffusion's levels have a scale for each tile`() throws {
        var stored = Stored()
        stored.tensors = ["x.int8_weight": empty, "x.scale": StoredTensor([1, 2, 3, 4, 5, 6], [3, 2])]
        let scales = try stored.scales()
        #expect(scales.renamed == ["x.weight": "x.int8_weight"] && scales.companions == ["x.scale": .with("x.weight")])
        #expect(try stored.matrix(.int8).scales?.extent == .tile(128))
        #expect(
            problem { () throws(WeightError) in _ = try stored.matrix(.int8, [300, 300]) }
                == .shape([3, 2], expected: [[3, 3]]))
    }

    @Test func `scales of another shape or value are refused`() {
        let three = stored("x.scale_weight", [1, 1, 1], [3])
        #expect(
            problem { () throws(WeightError) in _ = try three.matrix(.e4m3) }
                == .shape([3], expected: [[], [300], [300, 1]]))
        let convolution = stored("x.scale_weight", [Float](repeating: 1, count: 4), [4])
        #expect(
            problem { () throws(WeightError) in _ = try convolution.matrix(.e4m3, [4, 2, 1, 1, 1]) }
                == .shape([4], expected: [[]]))
        for value in [Float.nan, .infinity] {
            let stored = stored("x.scale_weight", [value], [])
            #expect(problem { () throws(WeightError) in _ = try stored.matrix(.e4m3) } == .notFinite)
        }
        var bytes = stored("x.scale_weight", [1], [])
        bytes.tensors["x.scale_weight"] = StoredTensor(bytes: HostBytes([1]), dtype: .u8, shape: [1])
        #expect(problem { () throws(WeightError) in _ = try bytes.matrix(.e4m3) } == .noNumbers)
    }

    @Test(
        arguments: [
            (#"{"format":"int8_tensorwise"}"#, nil),
            (#"{"format":"float8_e4m3fn","full_precision_matrix_mult":true}"#, nil),
            (#"{"format":"int8_tensorwise","convrot":false}"#, nil), (#"{"format":"nvfp4"}"#, .format("nvfp4")),
            (#"{"format":"int8_tensorwise","convrot":true,"convrot_groupsize":256}"#, .rotated),
            (#"{"format":"int8_tensorwise","convrot":1}"#, .rotated), ("{}", .format("without a name")),
        ] as [(String, ScaleProblem?)])
    func `what would run and be wrong is refused by its name`(text: String, expected: ScaleProblem?) {
        var tensor = stored("x.weight_scale", [1], [])
        tensor.texts["x.comfy_quant"] = text
        var header = stored("x.weight_scale", [1], [])
        header.header = #"{"layers":{"x":\#(text)}}"#
        for stored in [tensor, header] {
            #expect(problem { () throws(WeightError) in _ = try stored.matrix(.int8) } == expected)
        }
        let error = failure { () throws(WeightError) in _ = try tensor.matrix(.int8) }
        #expect((error == nil) == (expected == nil))
    }

    @Test func `more is not said of a matrix than anybody has to say`() {
        var stored = stored("x.weight_scale", [1], [])
        stored.texts["x.comfy_quant"] = String(repeating: " ", count: 1 << 16) + "{}"
        #expect(
            problem { () throws(WeightError) in _ = try stored.scales() }
                == .settings(bytes: (1 << 16) + 2, limit: 1 << 16))
    }

    @Test func `an extent of any size is no trap`() {
        var stored = Stored()
        stored.tensors = ["x.int8_weight": empty, "x.scale": StoredTensor([1], [1, 1])]
        let shape = [0, Int.max]
        let error = failure { () throws(WeightError) in _ = try stored.matrix(.int8, shape) }
        #expect(error != nil)
    }

    @Test func `what is no JSON is refused`() {
        var tensor = stored("x.weight_scale", [1], [])
        for text in ["", "{", "[]", "\u{0}"] {
            tensor.texts["x.comfy_quant"] = text
            #expect(failure { () throws(WeightError) in _ = try tensor.scales() } != nil, "\(text)")
        }
        tensor.texts = [:]
        for text in ["", "{}", #"{"layers":[]}"#, #"{"layers":{"x":3}}"#] {
            tensor.header = text
            #expect(failure { () throws(WeightError) in _ = try tensor.scales() } != nil, "\(text)")
        }
    }

    @Test func `what is for products in fp8 alone is no tensor of the model`() throws {
        var stored = stored("x.scale_weight", [1], [])
        stored.tensors["x.scale_input"] = empty
        stored.tensors["model.scaled_fp8"] = empty
        stored.tensors["y.scale"] = empty
        let companions = try stored.scales().companions
        #expect(Set(companions.keys) == ["x.scale_weight", "x.scale_input", "model.scaled_fp8"])
        #expect(companions["x.scale_weight"] == .with("x.weight"))
        #expect(companions["x.scale_input"] == .none("for products in fp8 alone"))
    }
}
