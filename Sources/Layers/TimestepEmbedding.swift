package import Compute
import Glibc
package import Weights

/// Sinusoid of a timestep followed by two linear layers with SiLU between them, all in f32.
package struct TimestepEmbedding {
    private let device: Device
    private let frequencies: Int
    private let linear1: Linear
    private let linear2: Linear

    /// - Parameter frequencies: width of the sinusoid, even.
    package init(_ w: WeightScope, frequencies: Int, out: Int, on device: Device) throws {
        self.device = device.f32
        self.frequencies = frequencies
        linear1 = try Linear(w["linear_1"], in: frequencies, out: out, on: device.f32)
        linear2 = try Linear(w["linear_2"], in: out, out: out, on: device.f32)
    }

    /// f32 `[timesteps, out]` for timesteps in 0…1000.
    package func callAsFunction(_ timesteps: [Float]) throws(ComputeError) -> Tensor {
        let rows = timesteps.flatMap { Self.sinusoid($0, frequencies) }
        return try linear2(linear1(device.backend.upload(rows, [timesteps.count, frequencies]), .silu))
    }

    /// `[cos(t · w), sin(t · w)]`, w falling from 1 to nearly 1/10000; f32 steps as in Diffusers'
    /// get_timestep_embedding with flip_sin_to_cos and no downscale shift.
    static func sinusoid(_ timestep: Float, _ width: Int) -> [Float] {
        let half = width / 2
        let angles = (0..<half).map { index in
            let exponent = Float(-log(10000.0)) * Float(index) / Float(half)
            return timestep * expf(exponent)
        }
        return angles.map { cosf($0) } + angles.map { sinf($0) }
    }
}
