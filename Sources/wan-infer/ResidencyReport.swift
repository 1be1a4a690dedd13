import Pipelines
import VideoProvider
import VideoTypes

/// Which weights are in memory when, and what that costs.
struct ResidencyReport {
    let residency: ResidencyPlan
    /// Of a clip.
    let time: ClipTime

    /// Seconds that the copies of a stage add to it: those of blocks that take turns are made beside the work.
    private func added(_ stage: VideoProgress.Stage) -> Double {
        let copies = residency.seconds(stage) - (stage == .denoise ? residency.aheadSeconds : 0)
        return residency.turns[stage] == nil ? copies : max(0, copies - (time.stageSeconds[stage] ?? 0))
    }

    /// For people.
    var text: String {
        let order =
            switch residency.offload {
            case .none: "all stay from clip to clip"
            case .text: "those that read leave when they have"
            case .networks: "one network at a time"
            case .blocks: "one network at a time, and blocks take turns"
            }
        let turns = VideoProgress.Stage.allCases.compactMap { stage in
            residency.turns[stage].map { "; \(stage.rawValue): \($0.staying) of \($0.count) stay" }
        }
        let ahead =
            residency.aheadBytes > 0
            ? "; \(Numbers.bytes(residency.aheadBytes)) of an expert come while the one before is at work" : ""
        let host =
            residency.hostBytes > 0
            ? "; converted for the device, \(Numbers.bytes(residency.hostBytes)) of them wait in the host's memory" : ""
        let brought = residency.broughtBytes.values.reduce(0, +)
        guard brought > 0 else { return order }
        let copies = VideoProgress.Stage.allCases.map(residency.seconds).reduce(0, +)
        let added = VideoProgress.Stage.allCases.map(added).reduce(0, +)
        let rate = Numbers.bytes(Int(ResidencyPlan.assumedBytesPerSecond))
        return order + turns.joined() + ahead + host + "; \(Numbers.bytes(brought)) are brought for a clip, "
            + "\(Numbers.duration(copies)) at \(rate)/s (assumed), of which \(Numbers.duration(added)) are waited for"
    }

    /// For programs.
    var json: JSONText {
        let stages = VideoProgress.Stage.allCases.filter { residency.broughtBytes[$0] != nil }.map { stage in
            let turns = residency.turns[stage]
            return (
                stage.rawValue,
                JSONText.object([
                    ("staying_blocks", turns.map { .integer($0.staying) } ?? .null),
                    ("blocks", turns.map { .integer($0.count) } ?? .null),
                    ("brought_bytes", .integer(residency.broughtBytes[stage] ?? 0)),
                    ("copy_seconds", .number(residency.seconds(stage))),
                    ("added_seconds", .number(added(stage))),
                ])
            )
        }
        return .object([
            ("offload", .string(residency.offload.rawValue)),
            ("ahead_bytes", .integer(residency.aheadBytes)), ("host_bytes", .integer(residency.hostBytes)),
            ("assumed_bytes_per_second", .number(ResidencyPlan.assumedBytesPerSecond)),
            ("stages", .object(stages)),
        ])
    }
}
