package import Compute
import Glibc
package import Weights

/// Sinusoid of a timestep followed by two linear layers with SiLU between them, all in f32.
package struct TimestepEmbedding {
    private let device: Device
    private let frequencies: Int
    private let cosineFirst: Bool
    private let shift: Int
    private let linear1: Linear
    private let linear2: Linear

    /// - Parameters:
    ///   - frequencies: width of the sinusoid, even.
    ///   - cosineFirst: whether cosines stand before sines.
    ///   - shift: by how much fewer steps than frequencies lead from 1 to 1/10000.
    package init(
        _ w: WeightScope, frequencies: Int, out: Int, cosineFirst: Bool = true, shift: Int = 0, on device: Device
    ) throws {
        self.device = device.f32
        self.frequencies = frequencies
        self.cosineFirst = cosineFirst
        self.shift = shift
        linear1 = try Linear(w["linear_1"], in: frequencies, out: out, on: device.f32)
        linear2 = try Linear(w["linear_2"], in: out, out: out, on: device.f32)
    }

    /// f32 `[timesteps, out]` for timesteps in 0…1000.
    package func callAsFunction(_ timesteps: [Float]) throws(ComputeError) -> Tensor {
        let rows = timesteps.flatMap(sinusoid)
        return try linear2(linear1(device.backend.upload(rows, [timesteps.count, frequencies]), .silu))
    }

    /// `[cos(t · w), sin(t · w)]`, w falling from 1 to nearly 1/10000; f32 steps as in Diffusers'
    /// get_timestep_embedding.
    private func sinusoid(_ timestep: Float) -> [Float] {
        let half = frequencies / 2
        let angles = (0..<half).map { index in
            let exponent = Float(-log(10000.0)) * Float(index) / Float(half - shift)
            return timestep * expf(exponent)
        }
        let (cosines, sines) = (angles.map { cosf($0) }, angles.map { sinf($0) })
        return cosineFirst ? cosines + sines : sines + cosines
    }
}
