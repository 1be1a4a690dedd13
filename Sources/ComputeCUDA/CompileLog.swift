/// What ptxas says of the kernels of a module (`--ptxas-options=-v`).
package struct CompileLog: Sendable, Hashable {
    /// What one kernel takes.
    package struct Kernel: Sendable, Hashable {
        package let name: String
        package var registers = 0
        /// Bytes of memory that a thread has for registers.
        package var stackBytes = 0
        /// Bytes that its instructions move there and back.
        package var spilledBytes = 0
    }

    private(set) var kernels: [Kernel] = []
    /// Why warpgroup products would run one after the other; nil where all is well.
    private(set) var complaint: String?

    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) { read(line) }
    }

    /// The first kernel that keeps registers in memory: a few words cost a portable kernel next to nothing, a warpgroup
    /// kernel its pipeline.
    var spill: String? {
        kernels.first { $0.stackBytes + $0.spilledBytes > 0 }.map { kernel in
            "\(kernel.name) has \(kernel.stackBytes) bytes of stack and spills \(kernel.spilledBytes) bytes"
        }
    }

    /// What is known of machine code without complaints.
    init(kernels: [Kernel]) {
        self.kernels = kernels
    }

    private mutating func read(_ line: Substring) {
        // (C7510), … : warpgroup products one after the other, ignored register counts, waits put in by the compiler.
        if complaint == nil, let code = line.firstRange(of: "(C75") {
            complaint = String(line[code.lowerBound...])
        }
        if let name = Self.text(in: line, after: "Compiling entry function '") {
            kernels.append(Kernel(name: String(name.prefix { $0 != "'" })))
        }
        guard !kernels.isEmpty else { return }
        let last = kernels.count - 1
        if let used = Self.text(in: line, after: "Used ") { kernels[last].registers = Self.number(used) }
        guard line.contains("bytes stack frame") else { return }
        let sizes = line.split(separator: ",").map { Self.number($0.drop { !$0.isNumber }) }
        kernels[last].stackBytes = sizes.first ?? 0
        kernels[last].spilledBytes = sizes.dropFirst().reduce(0, +)
    }

    private static func text(in line: Substring, after mark: String) -> Substring? {
        line.firstRange(of: mark).map { line[$0.upperBound...] }
    }

    private static func number(_ text: Substring) -> Int { Int(text.prefix(while: \.isNumber)) ?? 0 }
}
