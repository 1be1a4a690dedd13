import Compute
import StrictJSON

/// What PEFT says of an adapter beside its tensors: the factor is `lora_alpha / r` although no tensor says so.
///
/// Diffusers writes it into the header of the file, PEFT itself into `adapter_config.json`.
struct AdapterConfig: Sendable {
    /// Nil where nothing is said: products go unscaled.
    private var values: Values?
    private let file: String

    private struct Values {
        var alpha = 8.0
        var rank: Int?
        var isRankStabilised = false
        var alphas: [(pattern: String, value: Double)] = []
        var ranks: [(pattern: String, value: Double)] = []
    }

    init(_ stored: Safetensors, _ beside: HostBytes?) throws(AdapterError) {
        file = stored.file
        let prefix = "transformer."
        let text = stored.metadata["lora_adapter_metadata"].map { Array($0.utf8) }
        guard let bytes = text ?? beside?.copied else { return }
        guard bytes.count <= ModelFolder.jsonLimit, let json = try? JSONValue(bytes), case .object(let members) = json
        else { throw .config(file: file, field: "", found: "no JSON object") }
        var fields: [String: JSONValue] = [:]
        for (name, value) in members {
            let name = String(decoding: name, as: UTF8.self)
            if text == nil { fields[name] = value }
            if text != nil, name.hasPrefix(prefix) { fields[String(name.dropFirst(prefix.count))] = value }
        }
        // Of another part of the pipeline alone.
        guard text == nil || !fields.isEmpty else { return }
        try refuseOtherKinds(fields)
        var values = Values()
        if let alpha = fields["lora_alpha"] { values.alpha = try number(alpha, "lora_alpha") }
        if let rank = fields["r"] { values.rank = Int(exactly: try number(rank, "r")) }
        values.isRankStabilised = fields["use_rslora"] == .bool(true)
        values.alphas = try pattern(fields["alpha_pattern"], "alpha_pattern")
        values.ranks = try pattern(fields["rank_pattern"], "rank_pattern")
        self.values = values
    }

    /// What the product of a module's factors is scaled by.
    ///
    /// - Parameter module: as the file names it.
    func factor(_ module: String, rank: Int) throws(AdapterError) -> Double {
        guard let values else { return 1 }
        let stated = Self.match(values.ranks, module).flatMap { Int(exactly: $0) } ?? values.rank
        if let stated, stated != rank {
            throw .config(file: file, field: "r", found: "\(stated), but '\(module)' has rank \(rank)")
        }
        let alpha = Self.match(values.alphas, module) ?? values.alpha
        return alpha / (values.isRankStabilised ? Double(rank).squareRoot() : Double(rank))
    }

    private func refuseOtherKinds(_ fields: [String: JSONValue]) throws(AdapterError) {
        if fields["use_dora"] == .bool(true) { throw .foreign(file: file, key: "use_dora", kind: "DoRA") }
        guard let type = fields["peft_type"], type != .string("LORA") else { return }
        throw .foreign(file: file, key: "peft_type", kind: type.shown)
    }

    private func number(_ value: JSONValue, _ field: String) throws(AdapterError) -> Double {
        guard let number = Double(value), number > 0 else {
            throw .config(file: file, field: field, found: value.shown)
        }
        return number
    }

    /// Numbers by the end of a module's name, or by the whole of it behind a `^`.
    private func pattern(_ value: JSONValue?, _ field: String) throws(AdapterError) -> [(String, Double)] {
        guard let value, value != .null else { return [] }
        guard case .object(let members) = value else {
            throw .config(file: file, field: field, found: value.shown)
        }
        var rows: [(String, Double)] = []
        for (name, value) in members {
            let name = String(decoding: name, as: UTF8.self)
            // PEFT takes them for regular expressions; names are all that anybody writes.
            let isName = name.drop { $0 == "^" }.utf8.allSatisfy {
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                    || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            }
            guard isName else { throw .config(file: file, field: field, found: "the pattern '\(name.printable)'") }
            rows.append((name, try number(value, field)))
        }
        return rows.sorted { $0.0 < $1.0 }
    }

    private static func match(_ rows: [(pattern: String, value: Double)], _ module: String) -> Double? {
        let name = module.hasPrefix("transformer.") ? String(module.dropFirst("transformer.".count)) : module
        return rows.first { pattern, _ in
            pattern.hasPrefix("^")
                ? name == pattern.dropFirst() : name == pattern || name.hasSuffix(".\(pattern)")
        }?.value
    }
}
