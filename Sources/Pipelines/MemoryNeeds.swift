import VideoTypes

/// What the networks of a model take in a device's memory, and the stages of a clip beside them.
struct MemoryNeeds {
    /// Networks that read text and pictures, one after the other.
    let readers: [NetworkSize]
    /// Networks that denoise, one after the other.
    let experts: [NetworkSize]
    let decoder: NetworkSize
    /// What may come of an expert while the one before is at work, bytes.
    var ahead = 0
    /// Beside the weights.
    let work: [VideoProgress.Stage: Int]
    /// How often a clip asks for all blocks, of the readers and of the experts.
    let rounds: [VideoProgress.Stage: Int]

    /// What does not go into memory to the last byte: a sixteenth stays free where it would be filled with blocks.
    private static let margin = 16

    /// With as much in memory as there is room for, or as the device's terms say.
    func estimate(on device: DeviceProfile) -> MemoryEstimate {
        if let offload = device.offload { return estimate(offload, within: nil) }
        guard let available = device.memoryBytes else { return estimate(.networks, within: nil) }
        let all = Offload.allCases.map { estimate($0, within: available) }
        return all.first { $0.peak <= available } ?? all[all.count - 1]
    }

    /// - Parameter available: what blocks may fill; nil where as few stay as can.
    func estimate(_ offload: Offload, within available: Int?) -> MemoryEstimate {
        let stages: [(VideoProgress.Stage, [NetworkSize])] = [
            (.text, readers), (.denoise, experts), (.decode, [decoder]),
        ]
        var needs: [VideoProgress.Stage: MemoryEstimate.Need] = [:]
        var turns: [VideoProgress.Stage: ResidencyPlan.Turns] = [:]
        var brought: [VideoProgress.Stage: Int] = [:]
        var (early, host) = (0, 0)
        let (reading, staying) = (largest(readers), Self.sum(experts) + decoder.bytes)
        for (stage, networks) in stages {
            let work = work[stage] ?? 0
            var weights: Int
            let room = available.map { $0 - $0 / Self.margin - work }
            switch offload {
            case .none: weights = Self.sum(readers) + staying
            case .text:
                weights = (stage == .text ? reading : 0) + staying
                if stage == .text { brought[stage] = Self.sum(networks) }
            case .networks:
                weights = largest(networks)
                brought[stage] = Self.sum(networks)
                guard stage == .denoise, let room else { break }
                early = max(0, min(ahead, room - weights))
                weights += early
            case .blocks:
                let largest = networks.max { $0.bytes(staying: 0) < $1.bytes(staying: 0) } ?? NetworkSize(0)
                let blocks = largest.blocks > 0 ? room.map { largest.staying(within: $0) } ?? 0 : nil
                weights = networks.map { $0.bytes(staying: blocks) }.max() ?? 0
                let moving = largest.moving(blocks)
                if moving > 0 { turns[stage] = .init(staying: largest.blocks - moving, count: largest.blocks) }
                brought[stage] = Self.sum(networks) + moving * largest.blockBytes * (rounds[stage] ?? 0)
                host = max(host, moving * (networks.map(\.convertedBlockBytes).max() ?? 0))
            }
            needs[stage] = .init(weights: weights, work: work)
        }
        return MemoryEstimate(
            needs,
            ResidencyPlan(
                offload: offload, turns: turns, broughtBytes: brought, aheadBytes: early, hostBytes: host))
    }

    private func largest(_ networks: [NetworkSize]) -> Int { networks.map(\.bytes).max() ?? 0 }

    private static func sum(_ networks: [NetworkSize]) -> Int { networks.reduce(0) { $0 + $1.bytes } }
}
