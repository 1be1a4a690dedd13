package import Compute

/// The tensors that a network reads, under the model's own names, whatever its files call them.
package final class AskedTensors {
    package internal(set) var shapes: [String: [Int]] = [:]
    /// Where their files hold them, in the order of asking.
    package internal(set) var bytes: [HostBytes] = []
    /// What they are like as they were given, sums of adapters in f32.
    package internal(set) var kinds: [Kind] = []

    /// What a tensor is like beside its shape.
    package struct Kind: Hashable, Sendable {
        package let format: StoredFormat
        /// Of what adapters add beside it; 0 for nothing.
        package let rank: Int

        /// What it is like in a backend, which has dense numbers in a dtype of its own.
        package var inMemory: Kind {
            format.quantisation == nil ? Kind(format: .dense(.f32), rank: rank) : self
        }
    }

    package init() {}
}
