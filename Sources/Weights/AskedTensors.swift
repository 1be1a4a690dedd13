package import Compute

/// The tensors that a network reads, under the model's own names, whatever its files call them.
package final class AskedTensors {
    package internal(set) var shapes: [String: [Int]] = [:]
    /// Where their files hold them, in the order of asking.
    package internal(set) var bytes: [HostBytes] = []
    /// How they are stored as they were given, sums of adapters in f32.
    package internal(set) var formats: [StoredFormat] = []

    package init() {}
}
