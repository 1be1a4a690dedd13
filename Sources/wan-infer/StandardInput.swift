import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// A prompt from standard input, read without ever waiting for ever.
struct StandardInput {
    let descriptor: Int32
    /// An open pipe that nobody writes to is common under service managers: after this long it counts as empty.
    var secondsForFirstByte = 2.0
    /// How long a prompt that has begun may pause.
    var secondsOfSilence = 10.0

    /// The text, or nil where there is none: a terminal, a closed descriptor, an empty or silent pipe.
    func prompt() throws(VideoError) -> String? {
        guard isatty(descriptor) == 0 else { return nil }
        let bytes = try read(limit: VideoRequest.Limits.promptBytes + 1)
        guard bytes.count <= VideoRequest.Limits.promptBytes else {
            throw .invalid(
                "the prompt on standard input has more than \(VideoRequest.Limits.promptBytes) bytes",
                hint: "models read at most a few hundred words; shorten it")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalid(
                "the prompt on standard input is not valid UTF-8", hint: "convert it, for example with iconv")
        }
        let trimmed = text.drop { $0.isWhitespace }
        guard !trimmed.isEmpty else { return nil }
        let end = trimmed.lastIndex { !$0.isWhitespace } ?? trimmed.startIndex
        let prompt = String(trimmed[...end])
        try GenerateOptions.check(prompt: prompt)
        return prompt
    }

    private func read(limit: Int) throws(VideoError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let seconds = bytes.isEmpty ? secondsForFirstByte : secondsOfSilence
            guard try isReadable(within: seconds) else {
                if bytes.isEmpty { return [] }
                throw .invalid(
                    "the prompt on standard input has begun but does not end",
                    hint: "close the pipe after the prompt, or pass it with --prompt")
            }
            let room = min(limit - bytes.count, 1 << 16)
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                count = unsafe max(Glibc.read(descriptor, buffer.baseAddress, room), 0)
            }
            if chunk.isEmpty { break }
            bytes += chunk
        }
        return bytes
    }

    private func isReadable(within seconds: Double) throws(VideoError) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let count = unsafe poll(&request, 1, Int32(seconds * 1000))
        if Interrupt.isRequested { throw VideoError(.cancelled, "cancelled while waiting for the prompt") }
        // A closed descriptor reports itself here and reads as empty.
        return count > 0
    }
}
