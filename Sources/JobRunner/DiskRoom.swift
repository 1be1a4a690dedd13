package import VideoTypes

/// How much room on the disk clips take.
package enum DiskRoom {
    /// More than the encoder makes of noise at the quality in use.
    ///
    /// A pixel of 4:2:0 video has 1.5 bytes before it is compressed.
    package static func outputBytes(of work: WorkEstimate) -> Int { sum(work.decodedPixels / 2, 64 << 10) }

    /// Of two amounts, which may be absurd.
    static func sum(_ first: Int, _ second: Int) -> Int {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? .max : sum
    }
}
