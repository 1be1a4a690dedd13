import Compute
import Models

/// Arithmetic of the encoder of pictures.
///
/// Frames go through one at a time, level by level; what would come out as before is not computed again. A convolution
/// of kernel `t·h·w` costs `2 · in · out · t·h·w` for each position of its result.
struct WanEncoderWork {
    let config: WanVAEConfig

    /// A clip of stills that are shown in so many frames each, `height` x `width` pixels.
    func clip(_ stills: [Int], height: Int, width: Int) -> ArithmeticCount {
        switch config.encoder {
        case .convolutional: convolutional(stills, height: height / config.patchSize, width: width / config.patchSize)
        case .linear: linear(frames: stills.reduce(0, +), height: height, width: width)
        }
    }

    private func linear(frames: Int, height: Int, width: Int) -> ArithmeticCount {
        var count = ArithmeticCount()
        guard frames > 0 else { return count }
        let (patch, z) = (config.latentPatch, config.zDim)
        let positions = (1 + (frames - 1) / patch.time) * (height / patch.height) * (width / patch.width)
        count.linear(positions, 3 * patch.volume, z)
        count.linear(positions, z, z)
        return count
    }

    /// - Parameter height: in the encoder's positions, as `width`.
    private func convolutional(_ stills: [Int], height: Int, width: Int) -> ArithmeticCount {
        var count = ArithmeticCount()
        var levels = config.dimMult.indices.map { WanLevelWork(config, index: $0) }
        let positions = height * width
        for still in stills {
            for run in stride(from: 1, through: still, by: 1) {
                var state: Int? = run
                for index in levels.indices {
                    guard let run = state else { break }
                    state = levels[index].push(run, positions >> (2 * index), &count)
                }
                if state != nil { add(positions >> (2 * (levels.count - 1)), &count) }
            }
        }
        return count
    }

    /// From the middle block to normalised latents.
    private func add(_ positions: Int, _ count: inout ArithmeticCount) {
        let (width, z) = (config.encoderDims[config.dimMult.count], config.zDim)
        for _ in 0..<4 { count.convolution(positions, width, width, taps: 27) }
        count.linear(positions, width, width, times: 4)
        count.attention(queries: positions, keys: positions, width: width)
        count.convolution(positions, width, 2 * z, taps: 27)
        count.linear(positions, 2 * z, z)
        count.linear(positions, z, z)
    }
}

/// One level, as `WanDownLevel` computes it.
private struct WanLevelWork {
    let config: WanVAEConfig
    let index: Int
    private let halvesFrames: Bool?
    private let memory: Int
    private var isEmpty = true
    private var frames = 0
    private var hasResult = false

    init(_ config: WanVAEConfig, index: Int) {
        self.config = config
        self.index = index
        halvesFrames = config.halvesFrames(level: index)
        memory = config.memory(level: index)
    }

    /// How many equal frames in a row end with what comes out; nil where nothing does.
    mutating func push(_ run: Int, _ positions: Int, _ count: inout ArithmeticCount) -> Int? {
        let (input, output) = (config.encoderDims[index], config.encoderDims[index + 1])
        let small = halvesFrames == nil ? positions : positions / 4
        if config.isResidual { count.convolution(small, input, output, taps: positions / small) }
        if isEmpty || config.isResidual || run < memory + 2 { spatial(positions, small, &count) }
        isEmpty = false
        let run = max(1, run - memory)
        guard halvesFrames == true else { return config.isResidual ? 1 : run }
        frames += 1
        guard frames > 1 else { return 1 }
        guard frames % 2 == 1 else { return nil }
        if !hasResult || run < 5 { count.convolution(small, output, output, taps: 3) }
        hasResult = true
        return config.isResidual ? 1 : 1 + max(0, (run - 3) / 2)
    }

    private func spatial(_ positions: Int, _ small: Int, _ count: inout ArithmeticCount) {
        let (input, output) = (config.encoderDims[index], config.encoderDims[index + 1])
        if index == 0 { count.convolution(positions, config.inChannels, input, taps: 27) }
        for block in 0..<config.numResBlocks {
            let input = block == 0 ? input : output
            count.convolution(positions, input, output, taps: 27)
            count.convolution(positions, output, output, taps: 27)
            if input != output { count.linear(positions, input, output) }
        }
        if halvesFrames != nil { count.convolution(small, output, output, taps: 9) }
    }
}
