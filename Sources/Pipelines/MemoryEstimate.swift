package import VideoTypes

/// Bytes that the stages of a clip hold at their peak, beside weights used where they lie on disk.
///
/// Counted from the tensors that live at the same time; allocators and small tensors come on top.
package struct MemoryEstimate: Sendable, Equatable {
    /// What one stage holds.
    package struct Need: Sendable, Equatable {
        /// Of the networks that are there at a time.
        package let weights: Int
        /// Beside the weights.
        package let work: Int

        package var bytes: Int { weights + work }

        package init(weights: Int, work: Int) {
            self.weights = weights
            self.work = work
        }
    }

    private let needs: [VideoProgress.Stage: Need]
    /// Which weights are there when.
    package let residency: ResidencyPlan

    package init(_ needs: [VideoProgress.Stage: Need], _ residency: ResidencyPlan = .resident) {
        self.needs = needs
        self.residency = residency
    }

    package subscript(_ stage: VideoProgress.Stage) -> Need { needs[stage] ?? Need(weights: 0, work: 0) }

    package var peak: Int { needs.values.map(\.bytes).max() ?? 0 }

    /// The most that weights take.
    package var weights: Int { needs.values.map(\.weights).max() ?? 0 }

    /// The peak of each stage, and of loading.
    package var peaks: [VideoProgress.Stage: Int] { needs.mapValues(\.bytes).merging([.load: weights]) { $1 } }
}
