import Layers

/// What a network takes in memory, whole or while its blocks take turns.
struct NetworkSize: Sendable {
    /// Of all weights.
    private(set) var bytes: Int
    /// How many blocks there are that are made alike; 0 where none can take turns.
    let blocks: Int
    private(set) var blockBytes: Int
    /// Of those of a block the bytes that are not in its file as they are held.
    let convertedBlockBytes: Int
    /// How many of the blocks that take turns are there at a time.
    private let places: Int

    init(_ bytes: Int) {
        self.bytes = bytes
        blocks = 0
        blockBytes = 0
        convertedBlockBytes = 0
        places = 0
    }

    /// - Parameters:
    ///   - converted: bytes that are not in the files as they are held.
    ///   - parameters: of the whole network.
    ///   - blockParameters: of one block.
    init(
        _ bytes: Int, converted: Int, parameters: Int, blocks: Int, blockParameters: Int, on device: DeviceProfile
    ) {
        self.bytes = bytes
        self.blocks = blocks
        places = device.blockPlaces
        let share = Double(blockParameters) / Double(max(parameters, 1))
        blockBytes = Int(Double(bytes) * share)
        convertedBlockBytes = device.copiesBesideWork ? Int(Double(converted) * share) : 0
    }

    /// The same with so many bytes more, as many in each of the blocks.
    func adding(_ more: Int) -> NetworkSize {
        var sum = self
        sum.bytes += more
        if blocks > 0 { sum.blockBytes += more / blocks }
        return sum
    }

    /// - Parameter staying: blocks that do not take turns; nil for all.
    func bytes(staying: Int?) -> Int { bytes - max(0, moving(staying) - places) * blockBytes }

    /// How many blocks take turns.
    func moving(_ staying: Int?) -> Int { blocks - Blocks<Never>.staying(staying, of: blocks) }

    /// As many blocks as can stay within so many bytes.
    func staying(within available: Int) -> Int {
        guard blockBytes > 0 else { return 0 }
        return min(max(0, (available - bytes(staying: 0)) / blockBytes), blocks)
    }
}
