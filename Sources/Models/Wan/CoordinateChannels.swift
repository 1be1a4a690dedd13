import Compute
import Glibc

/// Input channels that tell a token where it is in the clip.
///
/// Rotary embeddings are relative; a small factorized model has no other way to know the borders of the frame and of
/// the clip. Each axis (time, height, width) gives its position u from -1 to 1, then sin(k π u / 2), cos(k π u / 2).
struct CoordinateChannels {
    let features: Int

    /// f32 `[3 (1 + 2 features), time, height, width]`.
    func tensor(time: Int, height: Int, width: Int, on backend: any Backend) throws(ComputeError) -> Tensor {
        try backend.upload([3 * (1 + 2 * features), time, height, width]) { values([time, height, width]) }
    }

    private func values(_ extents: [Int]) -> [Float] {
        var values: [Float] = []
        for axis in 0..<3 {
            let ramp = (0..<extents[axis]).map { features(position: $0, of: extents[axis]) }
            for feature in 0..<1 + 2 * features {
                for t in 0..<extents[0] {
                    for y in 0..<extents[1] {
                        for x in 0..<extents[2] { values.append(ramp[[t, y, x][axis]][feature]) }
                    }
                }
            }
        }
        return values
    }

    private func features(position: Int, of extent: Int) -> [Float] {
        let u = extent > 1 ? 2 * Double(position) / Double(extent - 1) - 1 : 0
        var channels = [Float(u)]
        for k in 1...features {
            let angle = Double(k) * Double.pi * u / 2
            channels += [Float(sin(angle)), Float(cos(angle))]
        }
        return channels
    }
}
