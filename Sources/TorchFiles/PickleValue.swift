/// What the opcodes of a pickle have built.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(String)
    case tuple([PickleValue], depth: Int)
    case list(Items)
    case dict(Items)
    /// A name of those that plain weights use.
    case global(Global)
    case storage(Storage)
    case tensor(Pickled)

    /// The classes and functions that are understood; nothing is ever called.
    enum Global: Equatable {
        case orderedDict
        case rebuildTensor
        case rebuildTensorOfAnyType
        case rebuildParameter
        case storage(String)
        case dtype(String)
    }

    /// Of a list or a dictionary.
    ///
    /// Complete as soon as something holds it: nothing can come to hold itself, and depths are final.
    final class Items {
        var values: [PickleValue] = []
        var keys: [String] = []
        var depth = 1
        var isComplete = false
    }

    /// Numbers in a record of the archive.
    struct Storage: Equatable {
        let dtype: String
        let record: String
        let count: Int
    }

    /// A view of a storage.
    struct Pickled: Equatable {
        let storage: Storage
        let dtype: String
        let offset: Int
        let shape: [Int]
        let strides: [Int]
    }

    /// As an error calls it.
    var kind: String {
        switch self {
        case .none: "none"
        case .bool: "a truth value"
        case .int, .float: "a number"
        case .text: "a text"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dict: "a dictionary"
        case .global: "a class or function"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }

    /// How many containers lie in each other.
    var depth: Int {
        switch self {
        case .tuple(_, let depth): depth
        case .list(let items), .dict(let items): items.depth
        default: 0
        }
    }
}

extension PickleValue.Global {
    /// Of a module and a name in it; nil for all that is not understood.
    init?(_ module: String, _ name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDict
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorOfAnyType
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch.storage", "UntypedStorage"): self = .storage("U8")
        case ("torch", _):
            if let dtype = Self.storages[name] {
                self = .storage(dtype)
            } else if let dtype = Self.dtypes[name] {
                self = .dtype(dtype)
            } else {
                return nil
            }
        default: return nil
        }
    }

    /// In the words of safetensors.
    private static let storages = [
        "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
        "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
        "BoolStorage": "BOOL", "UntypedStorage": "U8",
    ]
    private static let dtypes = [
        "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "uint16": "U16",
        "uint32": "U32", "uint64": "U64",
    ]
}
