import Compute
import Weights

/// Blocks that are made whenever their turn comes, of weights that lie in files mapped into memory.
///
/// What has to be converted, packed or summed for the backend is made anew each time: that costs far less than the work
/// on it, and its memory would not come back by itself.
final class RemadeBlocks<Block>: MovingBlocks {
    private let range: Range<Int>
    private let backend: any Backend
    private let make: (_ index: Int) throws -> Block
    /// The bytes that each block is made of.
    private var sources: [[HostBytes]] = []

    /// Makes each block once, so that what is wrong with one shows now.
    init(
        _ w: WeightScope, _ range: Range<Int>, on backend: any Backend,
        make: @escaping (_ w: WeightScope, _ index: Int) throws -> Block
    ) throws {
        self.range = range
        self.backend = backend
        let again = w.again
        self.make = { try make(again[$0], $0) }
        for index in range {
            let asked = AskedTensors()
            _ = try make(w[index].telling(asked), index)
            sources.append(asked.bytes)
            drop(index)
        }
    }

    func take(_ index: Int) throws(ComputeError) -> Block {
        let block: Block
        do {
            block = try make(index)
        } catch let error as ComputeError {
            throw error
        } catch {
            throw .unavailable(backend: backend.name, reason: "block \(index) cannot be made again: \(error)")
        }
        let next = index + 1 < range.upperBound ? index + 1 : range.lowerBound
        for bytes in sources[next - range.lowerBound] { bytes.fetchPages() }
        return block
    }

    func worked(on index: Int?) { if let index { drop(index) } }

    func startOver() {}

    private func drop(_ index: Int) {
        for bytes in sources[index - range.lowerBound] { bytes.dropPages() }
    }
}
