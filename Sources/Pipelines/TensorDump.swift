import Compute
import Models

/// Intermediate results by name, to be compared with a reference.
package final class TensorDump {
    /// One recorded tensor.
    package enum Values {
        case floats([Float])
        case integers([Int64])
    }

    package private(set) var tensors: [(name: String, shape: [Int], values: Values)] = []

    package init() {}

    func record(_ name: String, _ shape: [Int], _ values: [Float]) {
        tensors.append((name, shape, .floats(values)))
    }

    func record(_ name: String, _ shape: [Int], _ values: [Int64]) {
        tensors.append((name, shape, .integers(values)))
    }

    /// Records `x` under a shape with a leading batch dimension of 1.
    func record(_ name: String, _ x: Tensor, on backend: any Backend) throws(ComputeError) {
        record(name, [1] + x.shape.dims, try backend.download(x))
    }

    /// A probe that records what it is given under names that begin with `prefix`.
    func probe(_ prefix: String, on backend: any Backend) -> Probe {
        { (name, value) throws(ComputeError) in
            try self.record("\(prefix).\(name)", value, on: backend)
        }
    }
}
