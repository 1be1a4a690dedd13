package import VideoTypes

/// Which weights are in a device's memory when, and what has to be brought there for it.
package struct ResidencyPlan: Sendable, Hashable {
    /// Blocks of a stage's networks.
    package struct Turns: Sendable, Hashable {
        /// Those that stay.
        package let staying: Int
        /// All that there are.
        package let count: Int

        package init(staying: Int, count: Int) {
            self.staying = staying
            self.count = count
        }
    }

    package let offload: Offload
    /// Of stages whose blocks take turns.
    package let turns: [VideoProgress.Stage: Turns]
    /// Bytes that are brought for each clip, even if it is not the first.
    package let broughtBytes: [VideoProgress.Stage: Int]
    /// Those of an expert that come while the one before is at work.
    package let aheadBytes: Int
    /// Bytes of blocks that take turns and are not in their files as the device wants them: the host keeps them.
    package let hostBytes: Int

    package init(
        offload: Offload, turns: [VideoProgress.Stage: Turns] = [:], broughtBytes: [VideoProgress.Stage: Int] = [:],
        aheadBytes: Int = 0, hostBytes: Int = 0
    ) {
        self.offload = offload
        self.turns = turns
        self.broughtBytes = broughtBytes
        self.aheadBytes = aheadBytes
        self.hostBytes = hostBytes
    }

    /// All networks stay.
    package static let resident = ResidencyPlan(offload: .none)

    /// What a device's memory is taken to be filled with in a second: weights that lie in the host's memory, through
    /// pinned slabs that one thread fills.
    package static let assumedBytesPerSecond = 10e9

    /// Seconds that copies beside the last step of an expert take.
    package var aheadSeconds: Double { Double(aheadBytes) / Self.assumedBytesPerSecond }

    /// Seconds that the copies of a stage take at the assumed rate.
    package func seconds(_ stage: VideoProgress.Stage) -> Double {
        Double(broughtBytes[stage] ?? 0) / Self.assumedBytesPerSecond
    }
}
