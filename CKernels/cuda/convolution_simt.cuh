// Convolutions of any dtype and number of channels with f32 multiply-adds; after product.cuh.

struct ConvolutionSimtSource {
    static constexpr bool depth_first = false;
    Taps taps;
    ck_address weight;
    int a_dtype, b_dtype;
    bool a_aligned, b_aligned;
    u32 a_mask;
    long long a_pixel, b_row; ///< this thread's pixel and output channel, in elements
    long long tap_stride;
    bool b_exists;
    int k; ///< this thread's first channel of a step
};

INLINE SimtStep load_step(ConvolutionSimtSource &source) {
    const Taps &taps = source.taps;
    const int left = taps.channels - taps.channel - source.k;
    SimtStep step;
    step.a = load_packed(tap_frame(taps, taps.time), source.a_dtype, source.a_pixel + tap_distance(taps),
                         source.a_mask >> tap_bit(taps) & 1 ? left : 0, source.a_aligned);
    step.b =
        load_packed(source.weight, source.b_dtype, source.b_row + tap_number(taps) * source.tap_stride + taps.channel,
                    source.b_exists ? left : 0, source.b_aligned);
    next_tap(source.taps);
    return step;
}

KERNEL(convolution_simt, ck_convolution_arguments, CK_SIMT_THREADS, 2) {
    const ConvolutionPlace place = convolution_place(args, CK_SIMT_TILE, CK_SIMT_TILE);
    const int row = thread_index() >> 2, pixel = place.pixel + row, channel = place.channel + row;
    ConvolutionSimtSource source;
    source.taps = open_taps(args, place.frame, SIMT_DEPTH);
    source.weight = args.weight;
    source.a_dtype = args.x_dtype;
    source.b_dtype = args.weight_dtype;
    source.a_aligned = true;
    UNROLL for (int i = 0; i < 3; i++) {
        source.a_aligned = source.a_aligned && is_aligned(source.taps.frame[i], args.x_dtype, args.in_channels);
    }
    source.b_aligned = is_aligned(args.weight, args.weight_dtype, args.in_channels);
    source.a_mask = tap_mask(args, pixel);
    source.k = (thread_index() & 3) * 4;
    source.a_pixel = (long long)result_pixel(args, pixel) * args.in_channels + source.k;
    source.b_row = (long long)channel * args.in_channels + source.k;
    source.tap_stride = (long long)args.out_channels * args.in_channels;
    source.b_exists = channel < args.out_channels;
    const int steps = source.taps.steps;
    float sums[4][4];
    sum_simt(sums, source, steps);
    store_simt(convolution_result(args, place), sums);
}
