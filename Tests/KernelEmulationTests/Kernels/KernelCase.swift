import Testing

/// A kernel with a problem as small as it can be while every stage and every phase of a barrier comes again.
struct KernelCase: Sendable, CustomTestStringConvertible {
    /// The kernel's, and what is particular about the case.
    let name: String
    /// The run, and whether its result is right.
    let launch: @Sendable (Trial) -> (run: EmulatedRun, isRight: Bool)

    var testDescription: String { name }

    static let kernels =
        hopperProducts + hopperConvolutions + hopperAttention + products + convolutions + attention + rows + groupNorms
    static let all = kernels + probes
}
