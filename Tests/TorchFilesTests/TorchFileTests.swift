import FoundationEssentials
import TestSupport
import TestTools
import Testing
import TorchFiles

/// Files that PyTorch wrote, and thousands of damaged ones: each ends in an error or in tensors that lie in the file.
@Suite(.bounded) struct TorchFileTests {
    private static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: Fixture.path("\(name).pth"))))
    }

    private struct Random: RandomNumberGenerator {
        var numbers: SplitMix
        mutating func next() -> UInt64 { numbers.next() }
    }

    private static func open(_ bytes: [UInt8]) throws(TorchProblem) -> TorchFile {
        unsafe try TorchFile(bytes.span.bytes)
    }

    private static func problem(_ name: String) throws -> TorchProblem? {
        let bytes = try bytes(name)
        do throws(TorchProblem) {
            _ = try open(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["plain", "module", "nested", "parameters"])
    func `named tensors are found however they are wrapped`(_ name: String) throws {
        let bytes = try Self.bytes(name)
        let tensors = try Self.open(bytes).tensors
        #expect(
            tensors.mapValues(\.shape) == [
                "a.weight": [3, 4], "a.bias": [3], "b.weight": [2, 3, 2], "c": [5], "d": [0, 4],
            ])
        #expect(
            tensors.mapValues(\.dtype) == [
                "a.weight": "F32", "a.bias": "F16", "b.weight": "BF16", "c": "I64", "d": "F32",
            ])
        #expect(tensors.values.allSatisfy { $0.isContiguous })
        let c = try #require(tensors["c"])
        #expect(Array(bytes[c.range]) == (0..<5).flatMap { [UInt8($0), 0, 0, 0, 0, 0, 0, 0] })
    }

    @Test func `views of one storage keep their places`() throws {
        let bytes = try Self.bytes("strided")
        let tensors = try Self.open(bytes).tensors
        let (t, u) = (try #require(tensors["t"]), try #require(tensors["u"]))
        #expect(t.shape == [4, 3] && t.strides == [1, 4] && !t.isContiguous && t.range.count == 48)
        #expect(u.isContiguous && u.range.lowerBound - t.range.lowerBound == 64)
        #expect(Array(bytes[u.range.prefix(4)]) == [0, 0, 0xA0, 0x41])
        #expect(try Self.open(Self.bytes("fp8")).tensors["w"]?.dtype == "F8_E4M3")
    }

    @Test func `what builds no named tensors is refused by name`() throws {
        guard case .global("__builtin__.print", _)? = try Self.problem("call") else {
            Issue.record("\(String(describing: try Self.problem("call")))")
            return
        }
        #expect(try Self.problem("list") == .noNames(found: "a list"))
        #expect(try Self.problem("legacy") == .legacy)
        #expect(try Self.problem("expanded") == .tensor("e", .outside(record: "data/0", elements: 1)))
    }

    @Test(arguments: ["plain", "module", "nested", "parameters", "strided"])
    func `a damaged file never traps`(_ name: String) throws {
        let whole = try Self.bytes(name)
        var random = Random(numbers: SplitMix(state: 7))
        var refused = 0
        for _ in 0..<2000 {
            var mutant = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) where !mutant.isEmpty {
                let at = Int.random(in: 0..<mutant.count, using: &random)
                let end = min(mutant.count, at + Int.random(in: 1...16, using: &random))
                switch Int.random(in: 0..<6, using: &random) {
                case 0: mutant[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: mutant[at] = UInt8.random(in: 0...255, using: &random)
                case 2: mutant[at] = Array("(}])tuseaqrhjcRbQNJKMGX.".utf8).randomElement(using: &random) ?? 0
                case 3: mutant.removeSubrange(at..<end)
                case 4: mutant.insert(contentsOf: mutant[at..<end], at: at)
                default: mutant.replaceSubrange(at..<end, with: [UInt8](repeating: 0xFF, count: end - at))
                }
            }
            do throws(TorchProblem) {
                for tensor in try Self.open(mutant).tensors.values {
                    #expect(tensor.range.lowerBound >= 0 && tensor.range.upperBound <= mutant.count)
                    #expect(tensor.shape.reduce(1, *) <= mutant.count && tensor.shape.count == tensor.strides.count)
                }
            } catch {
                refused += 1
            }
        }
        #expect(refused > 200 && refused < 2000, "\(refused) of 2000 were refused")
    }

    /// A stored zip with one pickle in it.
    private static func archive(_ pickle: [UInt8]) -> [UInt8] {
        func number(_ value: Int, _ width: Int) -> [UInt8] {
            (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let name = Array("m/data.pkl".utf8)
        let sizes = number(pickle.count, 4) + number(pickle.count, 4) + number(name.count, 2) + number(0, 2)
        let local = number(0x0403_4B50, 4) + number(0, 14 - 4) + number(0, 4) + sizes + name + pickle
        let entry =
            number(0x0201_4B50, 4) + number(0, 12) + number(0, 4) + sizes + number(0, 14 - 4) + number(0, 0)
            + number(0, 4) + name
        let end =
            number(0x0605_4B50, 4) + number(0, 4) + number(1, 2) + number(1, 2) + number(entry.count, 4)
            + number(local.count, 4) + number(0, 2)
        return local + entry + end
    }

    @Test func `pickles that only grow are stopped`() {
        func problem(_ pickle: [UInt8]) -> TorchProblem? {
            do throws(TorchProblem) {
                _ = try Self.open(Self.archive([0x80, 2] + pickle))
                return nil
            } catch {
                return error
            }
        }
        #expect(problem(Array("}.".utf8)) == .noNames(found: "a dictionary without tensors"))
        #expect(
            problem([UInt8](repeating: UInt8(ascii: "("), count: 10_000))
                == .unexpected("marks without end", offset: 1002))
        #expect(
            problem([UInt8](repeating: UInt8(ascii: "N"), count: 200_000))
                == .tooLarge("values on the stack", count: 100_001, limit: 100_000))
        // A dictionary that holds itself, and lists in lists without end.
        #expect(
            problem(Array("}q\0X\u{1}\0\0\0ah\0s.".utf8)) == .unexpected("a dictionary that changes later", offset: 14))
        #expect(
            problem([UInt8](repeating: UInt8(ascii: "]"), count: 40) + [UInt8](repeating: UInt8(ascii: "a"), count: 39))
                == .tooLarge("containers in each other", count: 17, limit: 16))
        #expect(problem(Array("cos\nsystem\n.".utf8)) == .global("os.system", offset: 2))
        #expect(problem([0x81]) == .opcode(0x81, offset: 2))
        #expect(problem([]) == .cut(offset: 2))
    }
}
