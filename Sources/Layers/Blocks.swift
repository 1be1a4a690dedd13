package import Compute
package import Weights

/// The blocks of a network in their order: all in memory, or some brought there whenever their turn comes, the next
/// while the one before is at work.
package final class Blocks<Block> {
    package let count: Int
    private let staying: [Block]
    private let moving: (any MovingBlocks<Block>)?

    /// Blocks that take turns in memory: the one at work and the next.
    package static var places: Int { 2 }

    /// How many of `count` blocks stay where `wanted` should: a few more where taking turns would save nothing.
    package static func staying(_ wanted: Int?, of count: Int) -> Int {
        guard let wanted, count - wanted > places else { return count }
        return max(wanted, 0)
    }

    /// - Parameters:
    ///   - w: the scope of the list.
    ///   - make: makes one of the blocks from its own scope; they differ only by what is in the backend's memory.
    package init(
        _ w: WeightScope, count: Int, on device: Device,
        make: @escaping (_ w: WeightScope, _ index: Int) throws -> Block
    ) throws {
        self.count = count
        let stays = Self.staying(device.stayingBlocks, of: count)
        staying = try (0..<stays).map { try make(w[$0], $0) }
        guard stays < count else {
            moving = nil
            return
        }
        let range = stays..<count
        moving =
            if device.backend.copiesWeights {
                try LaidBlocks(w.unheld, range, on: device.backend, make: make)
            } else {
                try RemadeBlocks(w.unheld, range, on: device.backend, make: make)
            }
    }

    /// Whether the same operations on the same tensors are not the same block's any more.
    package var areMoving: Bool { moving != nil }

    /// Runs `body` with each block in turn.
    package func inTurn(
        _ body: (_ index: Int, _ block: Block) throws(ComputeError) -> Void
    ) throws(ComputeError) {
        do throws(ComputeError) {
            for (index, block) in staying.enumerated() {
                try body(index, block)
                try moving?.worked(on: nil)
            }
            guard let moving else { return }
            for index in staying.count..<count {
                try body(index, moving.take(index))
                try moving.worked(on: index)
            }
        } catch {
            moving?.startOver()
            throw error
        }
    }
}

/// The blocks of a network that do not stay in memory; they are asked for again and again in their order.
protocol MovingBlocks<Block>: AnyObject {
    associatedtype Block

    /// The block, whose weights what is computed from now on sees.
    func take(_ index: Int) throws(ComputeError) -> Block
    /// All work on the block was asked for; nil for one that stays.
    func worked(on index: Int?) throws(ComputeError)
    /// Forgets what is where, after an error.
    func startOver()
}
