import Compute
import ComputeCUDA
import TestSupport
import VideoTypes

/// Every operation against float64, on memory that is NaN before it is written.
struct OpsReport {
    let machine: GPUMachine
    let output: BenchOutput
    let groups: [(name: String, cases: [OpCase])]

    /// - Parameters:
    ///   - random: how many random sizes for each group, beside the fixed ones.
    ///   - isQuick: leaves out what takes long.
    ///   - only: names of groups; nil for all.
    ///   - text: what the names of cases contain; nil for all.
    init(
        machine: GPUMachine, output: BenchOutput, random: Int, seed: Int, isQuick: Bool, only: [String]?,
        matching text: String?
    ) throws(BenchCommand.UsageError) {
        let all = OpCase.groups + OpCase.random(random, seed: seed) + (isQuick ? [] : OpCase.large)
        let asked = all.filter { only?.contains($0.name) ?? true }
        guard !asked.isEmpty else { throw .init(description: "no such group: \(only ?? [])") }
        let groups = asked.map { group in
            (name: group.name, cases: group.cases.filter { text.map($0.description.contains) ?? true })
        }
        self.init(machine: machine, output: output, groups: groups)
    }

    init(machine: GPUMachine, output: BenchOutput, groups: [(name: String, cases: [OpCase])]) {
        self.machine = machine
        self.output = output
        self.groups = groups
    }

    /// What came out for one group.
    private struct Group {
        let name: String
        var cases = 0
        var failures: [String] = []
        /// The case nearest to its bound, or furthest beyond.
        var worst = (name: "", share: 0.0, relative: 0.0)
    }

    func run() throws -> Bool {
        let backend = try machine.backend(poisonsMemory: true)
        var results: [Group] = []
        for (name, cases) in groups {
            let place = results.firstIndex { $0.name == name } ?? results.count
            if place == results.count { results.append(Group(name: name)) }
            do {
                for op in cases { try check(op, on: backend, &results[place]) }
            } catch {
                // The GPU may be of no use any more; what is known is kept.
                results[place].failures.append("\(error)")
                try output.write("ops", json(results))
                throw error
            }
            try output.write("ops", json(results))
        }
        for group in results {
            output.line(
                "\(group.name): \(group.cases) cases, \(group.failures.count) failures; nearest to its bound: "
                    + "\(group.worst.name), relative L2 \(group.worst.relative), \(shown(100 * group.worst.share, 0)) %"
            )
        }
        let failures = results.reduce(0) { $0 + $1.failures.count }
        output.line(failures == 0 ? "operations: all right" : "operations: \(failures) FAILED")
        return failures == 0
    }

    private func check(_ op: OpCase, on backend: CUDABackend, _ group: inout Group) throws {
        let result: OpResult
        do {
            result = try machine.watchdog.watch("\(op)") { try op.run(on: backend) }
        } catch {
            output.line("FAILED \(op): \(error)")
            throw error
        }
        let expected = result.reference()
        let deviation = expected.deviation(of: result.found)
        let share = deviation.relative / op.tolerance
        group.cases += 1
        if !(share <= group.worst.share) { group.worst = (op.description, share, deviation.relative) }
        guard !expected.accepts(deviation, op.tolerance) else { return }
        group.failures.append("\(op): \(deviation), bound \(op.tolerance)")
        output.line("FAILED \(op): \(deviation), bound \(op.tolerance)")
    }

    private func json(_ groups: [Group]) -> JSONText {
        .array(
            groups.map { group in
                .object([
                    ("group", .string(group.name)), ("servers", .string(machine.serversName)),
                    ("cases", .integer(group.cases)),
                    ("failures", .array(group.failures.map { .string($0) })), ("worst", .string(group.worst.name)),
                    ("worst_relative", .number(group.worst.relative)), ("worst_share", .number(group.worst.share)),
                ])
            })
    }
}
