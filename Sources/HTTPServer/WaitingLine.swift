/// The connections of one address that wait for a request, the one that has waited longest first.
struct WaitingLine {
    private struct Place {
        let descriptor: Int32
        let turn: Int
    }

    private var places: ArraySlice<Place> = []
    /// When those are dropped that no longer wait.
    private var nextCleaning = Self.leastCleaning

    private static let leastCleaning = 64

    /// - Parameter waits: whether a connection still waits since this turn.
    mutating func append(_ descriptor: Int32, turn: Int, waits: (Int32, Int) -> Bool) {
        places.append(Place(descriptor: descriptor, turn: turn))
        guard places.count >= nextCleaning else { return }
        places = places.filter { waits($0.descriptor, $0.turn) }[...]
        nextCleaning = max(Self.leastCleaning, 2 * places.count)
    }

    /// The first that still waits; those before it are dropped.
    mutating func first(waits: (Int32, Int) -> Bool) -> Int32? {
        while let place = places.first {
            if waits(place.descriptor, place.turn) { return place.descriptor }
            places = places.dropFirst()
        }
        return nil
    }
}
