/// The matrices of a network that was made before there was room for them.
///
/// Until `finish` nothing may be computed with the network.
package protocol LateWeights: AnyObject {
    /// Takes memory for some of them, so many bytes at most with all that was made at once.
    func takePlaces(within byteCount: Int) throws(ComputeError)
    /// Begins to fill those places, beside the work that was asked for since they were taken.
    func fill() throws(ComputeError)
    /// Brings all that are missing: what is asked for from now on sees them.
    func finish() throws(ComputeError)
}

extension Backend {
    package func late(_ make: () throws -> Void) throws -> (any LateWeights)? {
        try make()
        return nil
    }
}
