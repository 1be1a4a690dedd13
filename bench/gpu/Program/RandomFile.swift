import Compute
import Glibc

/// A safetensors file that is nowhere.
///
/// Its header and the norms' gains lie in memory, every other page is one of the same random numbers, mapped again and
/// again. So a model of any size takes the memory of one pattern.
@safe
final class RandomFile: @unchecked Sendable {
    // Safe: written before anybody else sees it, read-only from then on, mapped until deinit.
    private let base: UnsafeMutableRawPointer
    private let span: Int
    private let count: Int

    init(_ tensors: [(name: String, shape: [Int])], _ pattern: RandomPattern) throws {
        let (width, page) = (pattern.width, RandomPattern.page)
        // The gains first, so that all others are random pages.
        let gains = tensors.filter(Self.isGain)
        let ordered = gains + tensors.filter { !Self.isGain($0) }
        let header = Self.header(ordered, width)
        let gainCount = gains.reduce(0) { $0 + $1.shape.reduce(1, *) }
        count = ordered.reduce(header.count) { $0 + $1.shape.reduce(width.bytes, *) }
        span = (count + page - 1) / page * page
        let head = (header.count + gainCount * width.bytes + page - 1) / page * page
        let place = unsafe mmap(
            nil, max(span, head), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let place = unsafe place, unsafe place != MAP_FAILED else {
            throw RandomPattern.Failure("mmap of \(span) bytes")
        }
        unsafe base = place
        for (index, byte) in header.enumerated() {
            unsafe base.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
        var random = RandomNumbers(seed: 2)
        for (index, offset) in stride(from: header.count, to: min(head, span), by: width.bytes).enumerated() {
            unsafe width.store(RandomPattern.deviation * random.normal() + (index < gainCount ? 1 : 0), base + offset)
        }
        for offset in stride(from: head, to: span, by: pattern.byteCount) {
            try unsafe pattern.map(at: base + offset, count: min(pattern.byteCount, span - offset))
        }
    }

    deinit { unsafe munmap(base, span) }

    var host: HostBytes { unsafe HostBytes(base: base, count: count, owner: self) }

    /// Gains of norms are near 1, everything else near 0.
    private static func isGain(_ tensor: (name: String, shape: [Int])) -> Bool {
        let isVector = tensor.shape.filter { $0 != 1 }.count <= 1
        return tensor.name.hasSuffix(".gamma")
            || (isVector && tensor.name.contains("norm") && tensor.name.hasSuffix(".weight"))
    }

    private static func header(
        _ tensors: [(name: String, shape: [Int])], _ width: RandomPattern.Width
    ) -> [UInt8] {
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
}
