import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import Media

/// Damaged pictures of every kind: each is a picture of its header's size or an error that says something.
@Suite(.bounded(minutes: 20)) struct PictureMutationTests {
    /// 4000 pictures; WAN_MUTATIONS sets ten times another number.
    private static let count =
        (ProcessInfo.processInfo.environment["WAN_MUTATIONS"].flatMap(Int.init) ?? 400) * 10

    @Test func `no damaged picture traps`() throws {
        let files = try PictureFixtures.names().map { ($0, try PictureFixtures.bytes($0)) }
        var random = SplitMix(state: 5)
        var taken: [String: Int] = [:]
        var refused: [String: Int] = [:]
        for number in 0..<Self.count {
            let (name, good) = files[number % files.count]
            let kind = String(name.split(separator: ".").last ?? "")
            let bytes = mutated(good, files[below(files.count, &random)].1, kind, &random)
            do throws(PictureError) {
                let frame = try Picture(bytes).frame
                #expect(frame.width * frame.height <= ImageHeader.maxPixels)
                taken[kind, default: 0] += 1
            } catch {
                #expect(!error.message.isEmpty)
                refused[kind, default: 0] += 1
            }
        }
        print("damaged pictures taken: \(taken), refused: \(refused)")
        for kind in ["png", "jpg", "webp"] {
            #expect(taken[kind, default: 0] > 0 && refused[kind, default: 0] > 0, "\(kind)")
        }
    }

    private func below(_ limit: Int, _ random: inout SplitMix) -> Int { Int(random.next() % UInt64(max(limit, 1))) }

    private func mutated(
        _ good: [UInt8], _ other: [UInt8], _ kind: String, _ random: inout SplitMix
    ) -> [UInt8] {
        var bytes = good
        for _ in 0..<1 + below(4, &random) where !bytes.isEmpty {
            let at = below(bytes.count, &random)
            switch below(9, &random) {
            case 0...3: bytes[at] ^= UInt8(1 << below(8, &random))
            case 4: bytes[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][below(6, &random)]
            case 5: bytes.removeSubrange(at..<min(bytes.count, at + 1 + below(8, &random)))
            case 6: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 1 + below(16, &random))], at: at)
            case 7:
                let from = below(other.count, &random)
                bytes.replaceSubrange(at..<min(bytes.count, at + 16), with: other[from..<min(other.count, from + 16)])
            default:
                if below(4, &random) == 0 { bytes.removeSubrange(at...) }
            }
        }
        // Behind right checksums and lengths the decoders see the damage; without them the walk does.
        if below(4, &random) > 0 {
            if kind == "png" { bytes = PictureFixtures.mended(png: bytes) }
            if kind == "webp", bytes.count > 8 {
                for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: (bytes.count - 8) >> (index * 8)) }
            }
        }
        return bytes
    }
}
