package import Compute

/// A file of changes to a model's weights (a LoRA), under the names that its trainer gave them.
///
/// Reading it checks what can be checked without the model: that every factor has its other one, that all numbers are
/// finite, and that nothing in it would have to be passed over.
package struct AdapterFile: Sendable {
    /// How errors name the file.
    package let file: String
    /// By module, as the file names them.
    let parts: [String: Part]
    /// Keys that end in no known way.
    let strange: [String]
    let config: AdapterConfig

    /// What changes one module.
    struct Part: Sendable {
        fileprivate(set) var factors: Factors?
        fileprivate(set) var alpha: Double?
        /// Whole differences, and the bias of the second factor.
        fileprivate(set) var tensors: [AdapterRole: StoredTensor] = [:]

        /// `up · down` is the difference before it is scaled.
        struct Factors: Sendable {
            let down: StoredTensor
            let up: StoredTensor
            var rank: Int { down.shape[0] }
        }
    }

    /// Numbers of a file; more would be a model, not changes to one.
    private static let tensorLimit = 100_000

    /// - Parameters:
    ///   - bytes: the whole file, in safetensors.
    ///   - file: how errors name it.
    ///   - config: what PEFT keeps in `adapter_config.json` beside it; nil where the file's header says it, or nobody.
    package init(_ bytes: HostBytes, file: String, config: HostBytes? = nil) throws(AdapterError) {
        if let format = TensorFiles.otherFormat(bytes) { throw .format(file: file, found: format) }
        let stored: Safetensors
        do throws(WeightError) {
            stored = try Safetensors(ModelFolder.checked(bytes, file: file), file: file)
        } catch {
            throw .unreadable(error)
        }
        guard stored.entries.count <= Self.tensorLimit else {
            throw .tooMany(file: file, count: stored.entries.count, limit: Self.tensorLimit)
        }
        self.file = file
        self.config = try AdapterConfig(stored, config)
        var parts: [String: Part] = [:]
        var strange: [String] = []
        for key in stored.entries.keys.sorted() {
            if let kind = AdapterRole.foreignKind(key) { throw .foreign(file: file, key: key, kind: kind) }
            guard let (module, role) = AdapterRole.split(key) else {
                strange.append(key)
                continue
            }
            var part = parts[module] ?? Part()
            if role == .alpha {
                part.alpha = try Self.alpha(stored, bytes, key)
            } else {
                guard part.tensors.updateValue(try Self.tensor(stored, key), forKey: role) == nil else {
                    throw .twice(file: file, module: module, other: nil)
                }
            }
            parts[module] = part
        }
        for module in parts.keys.sorted() { try parts[module]?.join(file, module) }
        self.parts = parts
        self.strange = strange
    }

    private static func tensor(_ stored: Safetensors, _ key: String) throws(AdapterError) -> StoredTensor {
        let tensor: StoredTensor
        do throws(WeightError) {
            tensor = try stored.tensor(key)
        } catch {
            throw .unreadable(error)
        }
        guard tensor.floats.allSatisfy(\.isFinite) else { throw .notFinite(file: stored.file, key: key) }
        return tensor
    }

    /// One number of any type that trainers write.
    private static func alpha(
        _ stored: Safetensors, _ bytes: HostBytes, _ key: String
    ) throws(AdapterError) -> Double {
        guard let entry = stored.entries[key] else { preconditionFailure("a key of the file") }
        let text = "\(entry.dtypeName) \(entry.shape)"
        guard entry.shape.allSatisfy({ $0 == 1 }), let value = bytes[entry.range].number(entry.dtypeName) else {
            throw .alpha(file: stored.file, key: key, found: text)
        }
        // LightX2V takes 0 for no alpha, ComfyUI for no change: the file does not say which.
        guard value.isFinite, value != 0 else { throw .alpha(file: stored.file, key: key, found: "\(value)") }
        return value
    }
}

extension AdapterFile.Part {
    /// Brings the two factors together.
    fileprivate mutating func join(_ file: String, _ module: String) throws(AdapterError) {
        let (down, up) = (tensors.removeValue(forKey: .down), tensors.removeValue(forKey: .up))
        guard let down, let up else {
            guard down == nil, up == nil, tensors[.upBias] == nil else {
                throw .alone(file: file, module: module, has: down == nil ? "up" : "down")
            }
            return
        }
        let (first, second) = (down.shape.dims, up.shape.dims)
        guard first.count >= 2, second.count >= 2, first[0] == second[1], !first.contains(0), !second.contains(0),
            second.dropFirst(2).allSatisfy({ $0 == 1 })
        else { throw .factors(file: file, module: module, down: first, up: second) }
        factors = Factors(down: down, up: up)
    }
}

extension HostBytes {
    /// One number in the words of safetensors; nil for a type that holds none.
    fileprivate func number(_ dtype: String) -> Double? {
        func only<T: BitwiseCopyable>(_ type: T.Type) -> T? { (elements() as [T]).first }
        return switch dtype {
        case "F64": only(Double.self)
        case "F32": only(Float.self).map { Double($0) }
        case "F16": only(Float16.self).map { Double($0) }
        case "BF16": only(UInt16.self).map { Double(Float(bitPattern: UInt32($0) << 16)) }
        case "I64": only(Int64.self).map { Double($0) }
        case "I32": only(Int32.self).map { Double($0) }
        case "I16": only(Int16.self).map { Double($0) }
        case "I8": only(Int8.self).map { Double($0) }
        case "U64": only(UInt64.self).map { Double($0) }
        case "U32": only(UInt32.self).map { Double($0) }
        case "U16": only(UInt16.self).map { Double($0) }
        case "U8": only(UInt8.self).map { Double($0) }
        default: nil
        }
    }
}
