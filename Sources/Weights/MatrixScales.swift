package import Compute
import StrictJSON

/// Which stored tensors are scales of others, or say how others are stored.
///
/// Scaled fp8 and int8 files put `X.scale_weight` or `X.weight_scale` beside `X.weight`, or `X.scale` beside
/// `X.int8_weight`; the latest of ComfyUI say in `X.comfy_quant`, or for all in the header, how X is stored. Factors of
/// activations (`scale_input`) are for products in fp8 alone.
package struct MatrixScales: Sendable {
    /// By the name of a matrix, the key of its scales.
    private let scaleKeys: [String: String]
    /// By the name that a matrix should have, the one under which its levels are stored.
    package let renamed: [String: String]
    /// What is no tensor of the model, and what it is for.
    package let companions: [String: Companion.Use]

    /// The header's word for how matrices are stored.
    package static let headerField = "_quantization_metadata"

    private static let scaleNames = ["scale_weight", "weight_scale"]
    /// Factors of activations.
    private static let inputNames = ["scale_input", "input_scale"]
    private static let settingsName = "comfy_quant"
    private static let formats = ["float8_e4m3fn", "float8_e5m2", "int8_tensorwise"]
    /// Of what is said of a matrix, in bytes; a header has a limit of its own.
    private static let settingsLimit = 1 << 16

    /// - Parameters:
    ///   - keys: of all files of the model's part.
    ///   - headers: what files say under `headerField`.
    ///   - file: how errors name the files.
    ///   - bytes: those of a key.
    package init(
        _ keys: some Collection<String>, headers: [String] = [], file: String, bytes: (String) -> HostBytes?
    ) throws(WeightError) {
        let all = Set(keys)
        var (scaleKeys, renamed, companions) = ([String: String](), [String: String](), [String: Companion.Use]())
        for key in all.sorted() {
            if key == "scaled_fp8" || key.hasSuffix(".scaled_fp8") {
                companions[key] = .none("says that there are scales")
            }
            if let base = key.dropping(".int8_weight") {
                renamed[base + ".weight"] = key
                guard all.contains(base + ".scale") else { throw .badScale(key: key, file: file, problem: .missing) }
                guard !all.contains(base + ".weight") else {
                    throw .badScale(key: key, file: file, problem: .twice(base + ".weight"))
                }
                scaleKeys[base + ".weight"] = base + ".scale"
                companions[base + ".scale"] = .with(base + ".weight")
            }
            guard let base = key.dropping(".weight") else { continue }
            func there(_ names: [String]) -> [String] { names.map { "\(base).\($0)" }.filter(all.contains) }
            for scale in there(Self.scaleNames) {
                companions[scale] = .with(key)
                if let other = scaleKeys[key] { throw .badScale(key: scale, file: file, problem: .twice(other)) }
                scaleKeys[key] = scale
            }
            for input in there(Self.inputNames) { companions[input] = .none("for products in fp8 alone") }
            for settings in there([Self.settingsName]) {
                companions[settings] = .with(key)
                try Self.check(settings: bytes(settings), settings, key: key, file: file)
            }
        }
        for header in headers {
            let value = try Self.json(HostBytes(Array(header.utf8)), file: file)
            guard case .object(let fields) = value, case .object(let layers)? = fields[Array("layers".utf8)] else {
                throw .config(file: file, field: "\(Self.headerField).layers", value: nil, rule: "an object")
            }
            for (name, layer) in layers.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                try Self.check(layer, key: String(decoding: name, as: UTF8.self) + ".weight", file: file)
            }
        }
        (self.scaleKeys, self.renamed, self.companions) = (scaleKeys, renamed, companions)
    }

    /// Whether a file says anywhere how its matrices are stored, if only that it is in no way that is read.
    static func areSaid(in file: any TensorFile) -> Bool {
        let header = (file as? Safetensors)?.metadata[headerField]
        return header != nil || file.entries.keys.contains { $0.hasSuffix(".\(settingsName)") }
    }

    /// Throws where a tensor that is stored in numbers of their own value has scales.
    func check(dense key: String, stored: String, file: String) throws(WeightError) {
        guard let scales = scaleKeys[key] else { return }
        throw .badScale(key: scales, file: file, problem: .ofOther(stored))
    }

    /// The tensor `key` from bytes of one byte a number, with its scales.
    ///
    /// - Parameter stored: bytes and shape of the scales' key.
    package func tensor(
        _ key: String, _ bytes: HostBytes, _ quantisation: Quantisation, shape: [Int], file: String,
        stored: (String) throws(WeightError) -> StoredTensor
    ) throws(WeightError) -> StoredTensor {
        let shapes = Shape(shape)
        guard let scaleKey = scaleKeys[key] else {
            // fp8 without a scale is a cast; whole numbers without one mean nothing.
            guard quantisation != .int8 else { throw .badScale(key: key, file: file, problem: .missing) }
            return StoredTensor(bytes: bytes, format: .quantised(quantisation), shape: shapes)
        }
        let scales = try stored(scaleKey)
        let extent = try Self.extent(
            scales.shape.dims, of: shape, isTiled: renamed[key] != nil, key: scaleKey, file: file)
        let values = scales.floatsIfDense
        guard let values, values.allSatisfy(\.isFinite) else {
            throw .badScale(key: scaleKey, file: file, problem: values == nil ? .noNumbers : .notFinite)
        }
        return StoredTensor(
            bytes: bytes, format: .quantised(quantisation), shape: shapes,
            scales: WeightScales(StoredTensor(values, [values.count]).bytes, per: extent))
    }

    private static func extent(
        _ found: [Int], of shape: [Int], isTiled: Bool, key: String, file: String
    ) throws(WeightError) -> WeightScales.Extent {
        let count = found.reduce(1, *)
        if isTiled {
            let tiles = shape.map { $0 / 128 + ($0 % 128).signum() }
            guard shape.count == 2, found == tiles else {
                throw .badScale(key: key, file: file, problem: .shape(found, expected: [tiles]))
            }
            return .tile(128)
        }
        if count == 1 { return .matrix }
        guard shape.count == 2, found == [shape[0]] || found == [shape[0], 1] else {
            let expected = shape.count == 2 ? [[], [shape[0]], [shape[0], 1]] : [[]]
            throw .badScale(key: key, file: file, problem: .shape(found, expected: expected))
        }
        return .row
    }

    private static func json(_ text: HostBytes, file: String) throws(WeightError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(text.copied)
        } catch {
            throw .badJSON(file: file, offset: error.offset, problem: error.problem)
        }
    }

    /// - Parameter name: of the tensor that holds the text.
    private static func check(
        settings text: HostBytes?, _ name: String, key: String, file: String
    ) throws(WeightError) {
        guard let text else { throw .badScale(key: key, file: file, problem: .format("without a name")) }
        guard text.count <= settingsLimit else {
            throw .badScale(key: name, file: file, problem: .settings(bytes: text.count, limit: settingsLimit))
        }
        try check(json(text, file: file), key: key, file: file)
    }

    /// Throws for what would run and be wrong.
    private static func check(_ layer: JSONValue, key: String, file: String) throws(WeightError) {
        guard case .object(let fields) = layer, case .string(let format)? = fields[Array("format".utf8)] else {
            throw .badScale(key: key, file: file, problem: .format("without a name"))
        }
        guard formats.contains(format) else { throw .badScale(key: key, file: file, problem: .format(format)) }
        switch fields[Array("convrot".utf8)] {
        case nil, .null?, .bool(false)?: break
        default: throw .badScale(key: key, file: file, problem: .rotated)
        }
    }
}

extension String {
    /// What stands in front of `end`; nil where it does not end so.
    fileprivate func dropping(_ end: String) -> String? {
        hasSuffix(end) ? String(dropLast(end.count)) : nil
    }
}
