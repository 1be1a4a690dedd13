package import Compute

/// For solvers that draw none.
package func noNoise() throws(ComputeError) -> Tensor { preconditionFailure("this solver asked for noise") }
