import Compute
import Glibc

/// A safetensors file that is nowhere: its header and the norms' gains lie in memory, every other byte is a page of
/// the same random numbers, mapped again and again. So a model of any size takes the memory of one pattern.
@safe
final class RandomFile: @unchecked Sendable {
    // Safe: written before anybody else sees it, read-only from then on, mapped until deinit.
    private let base: UnsafeMutableRawPointer
    private let span: Int
    private let count: Int

    /// How a number is stored.
    enum Width: String {
        case single = "F32"
        case half = "BF16"

        var bytes: Int { self == .single ? 4 : 2 }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ what: String) {
            description = unsafe "\(what): \(String(cString: strerror(errno)))"
        }
    }

    private static let page = 4096
    /// A prime number of pages: no matrix has rows that repeat.
    private static let patternPages = 16411
    static let deviation: Float = 0.02

    init(_ tensors: [(name: String, shape: [Int])], _ width: Width) throws {
        // The gains first, so that all others are random pages.
        let gains = tensors.filter(Self.isGain)
        let ordered = gains + tensors.filter { !Self.isGain($0) }
        let header = Self.header(ordered, width)
        let gainCount = gains.reduce(0) { $0 + $1.shape.reduce(1, *) }
        count = ordered.reduce(header.count) { $0 + $1.shape.reduce(width.bytes, *) }
        span = (count + Self.page - 1) / Self.page * Self.page
        let head = (header.count + gainCount * width.bytes + Self.page - 1) / Self.page * Self.page
        let place = unsafe mmap(
            nil, max(span, head), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let place = unsafe place, unsafe place != MAP_FAILED else { throw Failure("mmap of \(span) bytes") }
        unsafe base = place
        var random = RandomNumbers(seed: 2)
        for (index, byte) in header.enumerated() { unsafe base.storeBytes(of: byte, toByteOffset: index, as: UInt8.self) }
        for (index, offset) in stride(from: header.count, to: min(head, span), by: width.bytes).enumerated() {
            let value = Self.deviation * random.normal() + (index < gainCount ? 1 : 0)
            unsafe Self.store(value, base + offset, width)
        }
        try mapPattern(from: head, width, &random)
    }

    deinit { unsafe munmap(base, span) }

    var host: HostBytes { unsafe HostBytes(base: base, count: count, owner: self) }

    /// Gains of norms are near 1, everything else near 0.
    private static func isGain(_ tensor: (name: String, shape: [Int])) -> Bool {
        let isVector = tensor.shape.filter { $0 != 1 }.count <= 1
        return tensor.name.hasSuffix(".gamma")
            || (isVector && tensor.name.contains("norm") && tensor.name.hasSuffix(".weight"))
    }

    private static func header(_ tensors: [(name: String, shape: [Int])], _ width: Width) -> [UInt8] {
        var offset = 0
        let fields = tensors.map { tensor -> String in
            let end = offset + tensor.shape.reduce(width.bytes, *)
            defer { offset = end }
            return "\"\(tensor.name)\":{\"dtype\":\"\(width.rawValue)\",\"shape\":\(tensor.shape),"
                + "\"data_offsets\":[\(offset),\(end)]}"
        }
        var text = "{\(fields.joined(separator: ","))}"
        text += String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
        return (0..<8).map { UInt8(truncatingIfNeeded: text.utf8.count >> (8 * $0)) } + Array(text.utf8)
    }

    private func mapPattern(from start: Int, _ width: Width, _ random: inout RandomNumbers) throws {
        guard start < span else { return }
        let bytes = min(Self.patternPages * Self.page, span - start)
        var name = Array("/tmp/gpu-bench-XXXXXX".utf8CString)
        let file = unsafe mkstemp(&name)
        guard file >= 0 else { throw Failure("mkstemp in /tmp") }
        defer { close(file) }
        // Nobody needs its name.
        unsafe unlink(name)
        guard ftruncate(file, bytes) == 0 else { throw Failure("ftruncate") }
        let all = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let all = unsafe all, unsafe all != MAP_FAILED else { throw Failure("mmap of \(bytes) bytes") }
        for offset in stride(from: 0, to: bytes, by: width.bytes) {
            unsafe Self.store(Self.deviation * random.normal(), all + offset, width)
        }
        unsafe munmap(all, bytes)
        for offset in stride(from: start, to: span, by: bytes) {
            let length = min(bytes, span - offset)
            let mapped = unsafe mmap(base + offset, length, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0)
            guard unsafe mapped != MAP_FAILED else { throw Failure("mmap of the pattern at \(offset)") }
        }
    }

    @unsafe private static func store(_ value: Float, _ place: UnsafeMutableRawPointer, _ width: Width) {
        switch width {
        case .single: unsafe place.storeBytes(of: value, as: Float.self)
        case .half: unsafe place.storeBytes(of: UInt16(truncatingIfNeeded: value.bitPattern >> 16), as: UInt16.self)
        }
    }
}
