import CKernels
import TestTools
import Testing

/// Convolutions by transformed kernels against those by the kernels themselves.
@Suite(.bounded) struct WinogradTests {
    private struct Size {
        var channels = (in: 16, out: 16)
        var times = 3
        var frames = 1
        var extent = (height: 8, width: 8)
    }

    @Test(arguments: [CK_ISA_BASELINE, CK_ISA_AVX2, CK_ISA_AVX512], [1, 3])
    func `kernels in several parts, few tiles and many threads`(_ level: ck_isa, _ threads: Int32) throws {
        for size in [
            // The transformed kernel is larger than the part of the last-level cache that it may take.
            Size(channels: (512, 200)), Size(channels: (5, 3), frames: 3, extent: (1, 1)),
            Size(channels: (33, 70), times: 1, frames: 2, extent: (31, 3)),
        ] {
            try Self.compare(size, level, threads)
        }
    }

    /// As where a clip's first frame is also what was before.
    @Test(arguments: [1, 2]) func `slices in time that see one frame are added up`(_ folded: Int) throws {
        try Self.compare(Size(channels: (20, 18), frames: 2, extent: (9, 10)), CK_ISA_AVX2, 2, folded: folded)
    }

    private static func compare(_ size: Size, _ level: ck_isa, _ threads: Int32, folded: Int = 0) throws {
        guard let pool = unsafe ck_pool_create(threads, level) else {
            Issue.record("\(threads) threads cannot be started")
            return
        }
        defer { unsafe ck_pool_destroy(pool) }
        var random = SplitMix(state: 7)
        func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.next() >> 40) / 0x1p23 - 1 } }
        let (height, width) = size.extent
        var kernel = ck_kernel(
            in_channels: size.channels.in, out_channels: size.channels.out, extent: (size.times, 3, 3),
            x_dtype: CK_DTYPE_F32)
        let weights = values(size.channels.out * size.channels.in * size.times * 9)
        let bias = values(size.channels.out)
        let plane = height * width * size.channels.in
        let clip = values((size.frames + size.times - 1) * plane)
        var window = ck_window(
            stride: (1, 1, 1), dilation: (1, 1, 1), above: 1, left: 1, height: height, width: width)
        var packed = [Float](repeating: 0, count: unsafe ck_kernel_bytes(&kernel, pool) / 4)
        let isPacked = unsafe ck_kernel_pack(&packed, weights, CK_DTYPE_F32, &kernel, pool)
        #expect(isPacked)
        var expected = [Float](repeating: 0.5, count: size.frames * height * width * size.channels.out)
        var found = expected
        unsafe clip.withUnsafeBufferPointer { clip in
            let frames = unsafe (0..<size.frames + size.times - 1).map { index in
                // Of one result the first frames are the same.
                unsafe clip.baseAddress.map { unsafe UnsafeRawPointer($0 + max(index, folded) * plane) }
            }
            let isDirect = unsafe ck_convolution(
                &expected, CK_DTYPE_F32, frames, &kernel, packed, &window, bias, true, size.frames, height, width, pool)
            let isTransformed = unsafe found.withUnsafeMutableBytes { out in
                unsafe frames[folded...].withUnsafeBufferPointer { frames in
                    unsafe bias.withUnsafeBufferPointer { bias in
                        unsafe weights.withUnsafeBytes { weights in
                            var call = unsafe ck_winograd_call(
                                out: out.baseAddress, out_dtype: CK_DTYPE_F32, frames: frames.baseAddress,
                                w: weights.baseAddress, w_dtype: CK_DTYPE_F32, kernel: kernel, folded: folded,
                                window: window, doubled: false, bias: bias.baseAddress, accumulates: true,
                                count: folded > 0 ? 1 : size.frames, height: height, width: width)
                            return unsafe ck_winograd(&call, pool)
                        }
                    }
                }
            }
            #expect(isDirect && isTransformed)
        }
        let count = folded > 0 ? height * width * size.channels.out : found.count
        let largest = expected.prefix(count).reduce(0) { max($0, abs($1)) }
        let apart = zip(found, expected).prefix(count).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(apart < 2e-6 * largest, "\(size), \(folded): \(apart) of \(largest)")
    }
}
