import Compute
import Weights

/// Blocks whose weights are laid where those of a block before were.
final class LaidBlocks<Block>: MovingBlocks {
    /// Where one block at a time is.
    private final class Place {
        let block: Block
        let image: any WeightImage
        let kind: [AskedTensors.Kind]
        var index: Int?

        init(_ block: Block, _ image: any WeightImage, _ kind: [AskedTensors.Kind], _ index: Int) {
            self.block = block
            self.image = image
            self.kind = kind
            self.index = index
        }
    }

    private let range: Range<Int>
    private var images: [any WeightImage] = []
    /// How each block is stored: only blocks that are stored alike can be in one place.
    private var kinds: [[AskedTensors.Kind]] = []
    private var places: [Place] = []
    /// Places whose block has been worked on, the one longest left first.
    private var free: [Place] = []
    /// The block that is laid next.
    private var next: Int

    init(
        _ w: WeightScope, _ range: Range<Int>, on backend: any Backend,
        make: (_ w: WeightScope, _ index: Int) throws -> Block
    ) throws {
        self.range = range
        next = range.lowerBound + Blocks<Block>.places
        for index in range {
            let asked = AskedTensors()
            var made: Block?
            let image = try backend.image { made = try make(w[index].telling(asked), index) }
            guard let image, let made else { preconditionFailure("\(backend.name) makes no images of weights") }
            let kind = asked.kinds.map(\.inMemory)
            images.append(image)
            kinds.append(kind)
            if places.count(where: { $0.kind == kind }) < Blocks<Block>.places {
                places.append(Place(made, image, kind, index))
                try image.leave()
            } else {
                image.giveUpPlaces()
            }
        }
        // One further on that is there before its turn would only stand in the way.
        for place in places where !range.prefix(Blocks<Block>.places).contains(place.index ?? 0) {
            place.index = nil
            free.append(place)
        }
    }

    private func following(_ index: Int) -> Int { index + 1 < range.upperBound ? index + 1 : range.lowerBound }

    func take(_ index: Int) throws(ComputeError) -> Block {
        if !places.contains(where: { $0.index == index }) {
            next = index
            try layNext()
        }
        guard let place = places.first(where: { $0.index == index }) else {
            preconditionFailure("no place for block \(index)")
        }
        try place.image.arrive()
        return place.block
    }

    func worked(on index: Int?) throws(ComputeError) {
        // Copies begin behind work that was asked for earlier, beside that which was asked for just now.
        while try layNext() {}
        guard let place = places.first(where: { $0.index == index }), index != nil else { return }
        try place.image.leave()
        place.index = nil
        free.append(place)
    }

    func startOver() {
        free = places
        for place in places {
            place.index = nil
            try? place.image.leave()
        }
    }

    /// Whether there was a place for the next block.
    @discardableResult private func layNext() throws(ComputeError) -> Bool {
        let kind = kinds[next - range.lowerBound]
        guard let index = free.firstIndex(where: { $0.kind == kind }) else { return false }
        let place = free.remove(at: index)
        place.index = next
        try place.image.lay(images[next - range.lowerBound])
        next = following(next)
        return true
    }
}
