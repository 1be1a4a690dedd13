import Compute
import ComputeCPU
import FoundationEssentials
import Pipelines
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

/// Weights that are used where they lie take memory only while their network works.
@Suite(.bounded) struct DroppedPagesTests {
    /// The memory of a file that counts what is given back of it.
    private final class File: DroppablePages {
        let bytes: HostBytes
        private let count = Mutex(0)
        var dropped: Int { count.withLock { $0 } }

        init(_ path: String) throws {
            bytes = HostBytes([UInt8](try Data(contentsOf: URL(filePath: path))))
        }

        func dropPages(_ address: UnsafeRawPointer, _ count: Int) { self.count.withLock { $0 += count } }
        func fetchPages(_ address: UnsafeRawPointer, _ count: Int) {}
    }

    private static let model = Fixture.path("wan21-t2v/model")

    private static func files() throws -> [String: File] {
        var files: [String: File] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: model) {
            var isFolder = false
            _ = FileManager.default.fileExists(atPath: "\(model)/\(name)", isDirectory: &isFolder)
            if !isFolder { files[name] = try File("\(model)/\(name)") }
        }
        return files
    }

    @Test func `the pages of a network are given back when the next one works`() throws {
        let files = try Self.files()
        let folder = ModelFolder(
            files: files.mapValues { unsafe HostBytes(base: $0.bytes.address, count: $0.bytes.count, owner: $0) },
            name: "m")
        func dropped(_ part: String) -> Int { files.reduce(0) { $0 + ($1.key.hasPrefix(part) ? $1.value.dropped : 0) } }
        let settings = VideoSettings(
            prompts: Prompts(positive: "a bird"),
            clip: ClipShape(width: 16, height: 16, frames: 1, framesPerSecond: 16),
            sampling: SamplingSettings(scheduler: .euler, levels: .steps(2), shift: 3, guidance: [1], seed: 1))
        let pipeline = try Families.open(folder).pipeline(on: CPUBackend(threads: 1), dtype: .f32)
        let before = dropped("t")
        var seen: [VideoProgress.Stage: (text: Int, transformer: Int)] = [:]
        var clips: [[Frame]] = []
        for _ in 0..<2 {
            var frames: [Frame] = []
            try pipeline.generate(
                settings,
                report: { progress in
                    if clips.isEmpty, progress.completed == 0 {
                        seen[progress.stage] = (dropped("text_encoder"), dropped("transformer"))
                    }
                    return true
                },
                dump: nil, emit: { frames.append($0) })
            clips.append(frames)
        }
        let sizes = ["text_encoder", "transformer"].map { part in
            files.reduce(0) { $0 + ($1.key.hasPrefix(part) && $1.key.hasSuffix("s") ? $1.value.bytes.count : 0) }
        }
        let (denoise, decode) = try (#require(seen[.denoise]), #require(seen[.decode]))
        // All but the header; of who is at work, what became f32.
        #expect(before == 0 && denoise.text > sizes[0] / 2, "\(denoise) of \(sizes)")
        #expect(denoise.transformer < sizes[1] / 10, "\(denoise) of \(sizes)")
        #expect(decode.transformer > sizes[1] / 2, "\(decode) of \(sizes)")
        #expect(clips[0] == clips[1] && clips[0].count == 1)
    }
}
