package import Compute

/// What makes latents of the pictures that a clip shows.
package protocol WanEncoder {
    /// A picture `[3, height, width]` from -1 to 1 as a frame for `Still`.
    func frame(height: Int, width: Int, planes: () -> [Float]) throws(ComputeError) -> Tensor
    /// A frame of zeros, which is grey.
    func grey(height: Int, width: Int) throws(ComputeError) -> Tensor
    /// Normalised latents f32 `[C, T, H, W]` of a clip.
    func callAsFunction(_ clip: [WanVAEEncoder.Still], probe: Probe?) throws(ComputeError) -> Tensor
}

extension WanEncoder {
    package func callAsFunction(_ clip: [WanVAEEncoder.Still]) throws(ComputeError) -> Tensor {
        try self(clip, probe: nil)
    }
}
