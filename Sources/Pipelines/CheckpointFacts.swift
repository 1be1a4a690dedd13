package import Compute
import Weights

/// What a checkpoint says of itself: whose it is, and how far its clip has come.
package struct CheckpointFacts: Sendable, Equatable {
    /// All that the latents depend on, as whoever kept them put it.
    package let identity: String
    /// Steps that are done.
    package let step: Int
    package let stepCount: Int

    /// Whether its latents are those that are decoded.
    package var isFinished: Bool { step == stepCount }

    static let identityName = "clip"
    private static let stateName = "state"
    private static let version: Int64 = 2

    init(identity: String, step: Int, stepCount: Int) {
        self.identity = identity
        self.step = step
        self.stepCount = stepCount
    }

    /// Of a whole file; nil for what is no checkpoint of this version, or cut.
    ///
    /// Whether its numbers are undamaged shows when the clip goes on from it.
    package init?(_ bytes: HostBytes) {
        guard let file = try? Safetensors(bytes, file: "checkpoint"), let (facts, _) = Self.read(file, bytes) else {
            return nil
        }
        self = facts
    }

    /// How every file of ours begins behind the length of its header.
    package static let beginning = Array("{\"\(stateName)\":{\"dtype\":\"I64\",\"shape\":[4],".utf8)

    /// Goes first into a file.
    func write(digest: UInt64, to writer: inout SafetensorsWriter) {
        writer.add(
            Self.stateName, [4], [Self.version, Int64(step), Int64(stepCount), Int64(bitPattern: digest)])
    }

    /// - Returns: with the digest that was kept.
    static func read(_ file: Safetensors, _ bytes: HostBytes) -> (facts: CheckpointFacts, digest: UInt64)? {
        guard let state = file.entries[stateName], state.dtypeName == "I64", state.shape == [4],
            let identity = file.entries[identityName], identity.dtypeName == "U8"
        else { return nil }
        let numbers = bytes[state.range].integers
        guard numbers[0] == version, numbers[1] >= 1, numbers[1] <= numbers[2],
            let text = String(validating: bytes[identity.range].copied, as: UTF8.self)
        else { return nil }
        let facts = CheckpointFacts(identity: text, step: Int(numbers[1]), stepCount: Int(numbers[2]))
        return (facts, UInt64(bitPattern: numbers[3]))
    }
}

/// A checkpoint's file before it is written.
package struct CheckpointBytes: Sendable {
    package let header: [UInt8]
    package let data: [UInt8]

    package var all: [UInt8] { header + data }
}
