import Glibc
import JobStore
import VideoProvider
import VideoTypes

/// The state of a pretended denoise loop in a file: seed, steps, state, on one line.
struct FakeCheckpoint {
    let place: CheckpointPlace
    private let seed: UInt64

    init(_ place: CheckpointPlace, _ settings: VideoSettings) {
        self.place = place
        seed = settings.sampling.seed
    }

    func write(_ step: Int, _ state: UInt64) {
        let temporary = place.path + ".new"
        guard let file = unsafe fopen(temporary, "we") else { return }
        unsafe _ = fputs("\(seed) \(step) ", file)
        unsafe _ = fflush(file)
        FailPoint.reached(.midCheckpoint)
        unsafe _ = fputs("\(state)\n", file)
        unsafe _ = fclose(file)
        unsafe _ = rename(temporary, place.path)
    }

    /// nil where there is none of this clip.
    func read() -> (step: Int, state: UInt64)? {
        guard let file = unsafe fopen(place.path, "re") else { return nil }
        defer { unsafe _ = fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 200)
        let count = unsafe fread(&buffer, 1, buffer.count, file)
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        let words = text.split(whereSeparator: \.isWhitespace)
        guard text.hasSuffix("\n"), words.count == 3, UInt64(words[0]) == seed, let step = Int(words[1]),
            let state = UInt64(words[2])
        else { return nil }
        return (step, state)
    }
}
