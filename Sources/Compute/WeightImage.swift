/// The weights of a block as a backend made them, to be laid into the places of others that are alike.
///
/// Work on weights that came so is asked for between `arrive` and `leave`.
package protocol WeightImage: AnyObject {
    /// Begins to lay the weights of `other` where these are, behind the work that was asked for before `leave`.
    ///
    /// Work that is asked for meanwhile goes on beside the copies.
    func lay(_ other: any WeightImage) throws(ComputeError)
    /// What is asked for from now on sees the weights that were laid last.
    func arrive() throws(ComputeError)
    /// No more work on these weights is asked for.
    func leave() throws(ComputeError)
    /// Gives the backend's memory back: from now on the weights are only what others' places are filled with.
    func giveUpPlaces()
}

extension Backend {
    package func image(of make: () throws -> Void) throws -> (any WeightImage)? {
        try make()
        return nil
    }

    package var memoryGranule: Int { 64 }

    package func serves(_ stored: DType, for dtype: DType) -> Bool { stored == dtype }
}
