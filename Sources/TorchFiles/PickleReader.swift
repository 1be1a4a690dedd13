/// Reads the opcodes of protocol 2 that build dictionaries of tensors, and refuses every other.
struct PickleReader {
    static let byteLimit = 32 << 20
    private static let stackLimit = 100_000
    private static let markLimit = 1000
    private static let itemLimit = 4_000_000
    private static let depthLimit = 16

    private let bytes: [UInt8]
    private var position = 0
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    /// Values that containers and the memo hold.
    private var items = 0

    init(_ bytes: [UInt8]) throws(TorchProblem) {
        guard bytes.count <= Self.byteLimit else {
            throw .tooLarge("bytes of pickle", count: bytes.count, limit: Self.byteLimit)
        }
        self.bytes = bytes
    }

    /// What the whole pickle stands for.
    mutating func value() throws(TorchProblem) -> PickleValue {
        guard try byte() == 0x80, (2...3).contains(try byte()) else {
            throw .unexpected("a pickle of another protocol than 2", offset: 0)
        }
        while true {
            let start = position
            let opcode = try byte()
            if opcode == UInt8(ascii: ".") { break }
            try run(opcode, start)
        }
        guard position == bytes.count else { throw .unexpected("bytes behind the end", offset: position) }
        guard stack.count == 1, marks.isEmpty, let value = stack.first else {
            throw .unexpected("\(stack.count) values at the end", offset: position)
        }
        return value
    }

    private mutating func run(_ opcode: UInt8, _ start: Int) throws(TorchProblem) {
        switch opcode {
        case UInt8(ascii: "("):
            guard marks.count < Self.markLimit else { throw .unexpected("marks without end", offset: start) }
            marks.append(stack.count)
        case UInt8(ascii: "}"): try push(.dict(PickleValue.Items()))
        case UInt8(ascii: "]"): try push(.list(PickleValue.Items()))
        case UInt8(ascii: ")"): try push(.tuple([], depth: 1))
        case UInt8(ascii: "t"): try pushTuple(popToMark())
        case 0x85, 0x86, 0x87: try pushTuple(pop(Int(opcode) - 0x84))
        case UInt8(ascii: "s"): try setItems(pop(2))
        case UInt8(ascii: "u"): try setItems(popToMark())
        case UInt8(ascii: "a"): try append(pop(1))
        case UInt8(ascii: "e"): try append(popToMark())
        case UInt8(ascii: "q"): try put(Int(try byte()))
        case UInt8(ascii: "r"): try put(Int(try unsigned(4)))
        case UInt8(ascii: "h"): try get(Int(try byte()))
        case UInt8(ascii: "j"): try get(Int(try unsigned(4)))
        case UInt8(ascii: "c"): try global(start)
        case UInt8(ascii: "R"): try reduce(start)
        case UInt8(ascii: "b"): try build(start)
        case UInt8(ascii: "Q"): try persistent(start)
        default: try scalar(opcode, start)
        }
    }

    private mutating func scalar(_ opcode: UInt8, _ start: Int) throws(TorchProblem) {
        switch opcode {
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "J"): try push(.int(Int(Int32(truncatingIfNeeded: try unsigned(4)))))
        case UInt8(ascii: "K"): try push(.int(Int(try byte())))
        case UInt8(ascii: "M"): try push(.int(Int(try unsigned(2))))
        case 0x8A: try push(.int(long()))
        case UInt8(ascii: "G"):
            // Big-endian, unlike all else.
            let bits = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try push(.float(Double(bitPattern: bits)))
        case UInt8(ascii: "X"):
            let count = Int(try unsigned(4))
            try push(.text(String(decoding: take(count), as: UTF8.self)))
        default: throw .opcode(opcode, offset: start)
        }
    }
}

// MARK: containers

extension PickleReader {
    private mutating func push(_ value: PickleValue) throws(TorchProblem) {
        guard stack.count < Self.stackLimit else {
            throw .tooLarge("values on the stack", count: stack.count + 1, limit: Self.stackLimit)
        }
        stack.append(value)
    }

    private mutating func pop(_ count: Int) throws(TorchProblem) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else {
            throw .unexpected("too few values on the stack", offset: position)
        }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(TorchProblem) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw .unexpected("no mark", offset: position) }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    /// Takes `values` into a container, complete from now on.
    private mutating func hold(_ values: [PickleValue]) throws(TorchProblem) -> Int {
        items += values.count
        guard items <= Self.itemLimit else { throw .tooLarge("values", count: items, limit: Self.itemLimit) }
        var depth = 1
        for value in values {
            switch value {
            case .list(let items), .dict(let items): items.isComplete = true
            default: break
            }
            depth = max(depth, 1 + value.depth)
        }
        guard depth <= Self.depthLimit else {
            throw .tooLarge("containers in each other", count: depth, limit: Self.depthLimit)
        }
        return depth
    }

    private mutating func pushTuple(_ values: [PickleValue]) throws(TorchProblem) {
        try push(.tuple(values, depth: hold(values)))
    }

    private mutating func setItems(_ values: [PickleValue]) throws(TorchProblem) {
        guard values.count % 2 == 0, stack.count > (marks.last ?? 0), case .dict(let dict)? = stack.last else {
            throw .unexpected("items for what is no dictionary", offset: position)
        }
        let depth = try hold(values)
        guard !dict.isComplete else { throw .unexpected("a dictionary that changes later", offset: position) }
        dict.depth = max(dict.depth, depth)
        for index in stride(from: 0, to: values.count, by: 2) {
            switch values[index] {
            case .text(let key): dict.keys.append(key)
            case .int(let key): dict.keys.append(String(key))
            default: throw .unexpected("\(values[index].kind) as a key", offset: position)
            }
            dict.values.append(values[index + 1])
        }
    }

    private mutating func append(_ values: [PickleValue]) throws(TorchProblem) {
        guard stack.count > (marks.last ?? 0), case .list(let list)? = stack.last else {
            throw .unexpected("elements for what is no list", offset: position)
        }
        let depth = try hold(values)
        guard !list.isComplete else { throw .unexpected("a list that changes later", offset: position) }
        list.depth = max(list.depth, depth)
        list.values += values
    }

    private mutating func put(_ index: Int) throws(TorchProblem) {
        guard stack.count > (marks.last ?? 0), let value = stack.last else {
            throw .unexpected("nothing to remember", offset: position)
        }
        items += 1
        guard items <= Self.itemLimit else { throw .tooLarge("values", count: items, limit: Self.itemLimit) }
        memo[index] = value
    }

    private mutating func get(_ index: Int) throws(TorchProblem) {
        guard let value = memo[index] else { throw .unexpected("a value that nobody remembered", offset: position) }
        try push(value)
    }
}

// MARK: names

extension PickleReader {
    private mutating func global(_ start: Int) throws(TorchProblem) {
        let (module, name) = (try line(), try line())
        guard let global = PickleValue.Global(module, name) else {
            throw .global("\(module).\(name)", offset: start)
        }
        try push(.global(global))
    }

    /// What a function would return for its arguments; it is not called.
    private mutating func reduce(_ start: Int) throws(TorchProblem) {
        let pair = try pop(2)
        guard case .global(let function) = pair[0], case .tuple(let arguments, _) = pair[1] else {
            throw .unexpected("a call of \(pair[0].kind)", offset: start)
        }
        switch function {
        case .orderedDict where arguments.isEmpty: try push(.dict(PickleValue.Items()))
        case .rebuildTensor: try push(.tensor(tensor(arguments, dtype: nil, start)))
        case .rebuildTensorOfAnyType:
            guard arguments.count >= 7, case .global(.dtype(let dtype)) = arguments[6] else {
                throw .unexpected("a tensor without a dtype", offset: start)
            }
            try push(.tensor(tensor(arguments, dtype: dtype, start)))
        case .rebuildParameter:
            guard case .tensor? = arguments.first else { throw .unexpected("a parameter of no tensor", offset: start) }
            try push(arguments[0])
        default: throw .unexpected("a call of \(function)", offset: start)
        }
    }

    private func tensor(
        _ arguments: [PickleValue], dtype: String?, _ start: Int
    ) throws(TorchProblem) -> PickleValue.Pickled {
        guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .int(let offset) = arguments[1],
            case .tuple(let shape, _) = arguments[2], case .tuple(let strides, _) = arguments[3]
        else { throw .unexpected("a tensor that is described otherwise", offset: start) }
        return PickleValue.Pickled(
            storage: storage, dtype: dtype ?? storage.dtype, offset: offset, shape: try numbers(shape, start),
            strides: try numbers(strides, start))
    }

    private func numbers(_ values: [PickleValue], _ start: Int) throws(TorchProblem) -> [Int] {
        var numbers: [Int] = []
        for value in values {
            guard case .int(let number) = value else { throw .unexpected("\(value.kind) as an extent", offset: start) }
            numbers.append(number)
        }
        return numbers
    }

    /// Attributes of a module's dictionary, of which weights have no need.
    private mutating func build(_ start: Int) throws(TorchProblem) {
        _ = try hold(pop(1))
        guard stack.count > (marks.last ?? 0), case .dict? = stack.last else {
            throw .unexpected("attributes of what is no dictionary", offset: start)
        }
    }

    /// `("storage", class, record, location, count)`.
    private mutating func persistent(_ start: Int) throws(TorchProblem) {
        guard case .tuple(let id, _) = try pop(1)[0], id.count == 5, case .text("storage") = id[0],
            case .global(.storage(let dtype)) = id[1], case .text(let record) = id[2], case .text = id[3],
            case .int(let count) = id[4]
        else { throw .unexpected("a reference that is no storage", offset: start) }
        try push(.storage(.init(dtype: dtype, record: record, count: count)))
    }
}

// MARK: bytes

extension PickleReader {
    private mutating func take(_ count: Int) throws(TorchProblem) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw .cut(offset: position) }
        defer { position += count }
        return bytes[position..<position + count]
    }

    private mutating func byte() throws(TorchProblem) -> UInt8 {
        guard position < bytes.count else { throw .cut(offset: position) }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func unsigned(_ width: Int) throws(TorchProblem) -> UInt32 {
        try take(width).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// A number of up to eight bytes with a sign.
    private mutating func long() throws(TorchProblem) -> Int {
        let start = position
        let count = Int(try byte())
        guard count <= 8 else { throw .unexpected("a number of \(count) bytes", offset: start) }
        let digits = try take(count)
        let isNegative = digits.last.map { $0 >= 0x80 } ?? false
        return Int(
            truncatingIfNeeded: digits.reversed().reduce(isNegative ? UInt64.max : 0) { $0 << 8 | UInt64($1) })
    }

    /// Up to the end of the line.
    private mutating func line() throws(TorchProblem) -> String {
        let rest = bytes[position...].prefix(201)
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { throw .cut(offset: position) }
        defer { position = end + 1 }
        return String(decoding: rest[..<end], as: UTF8.self)
    }
}
