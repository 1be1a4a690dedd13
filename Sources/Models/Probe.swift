package import Compute

/// Receives intermediate results by name, for comparison with a reference.
package typealias Probe = (_ name: String, _ value: Tensor) throws(ComputeError) -> Void

/// 7 as "07".
func twoDigits(_ number: Int) -> String {
    number < 10 ? "0\(number)" : "\(number)"
}
