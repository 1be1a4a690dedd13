// Convolutions of bf16 on the tensor cores of sm_80 and later, as a matrix product that gathers its rows; after
// product.cuh. The channels of x are a multiple of 8, the addresses of x, of its history and of the weight of 16.

/// Copies of x under the taps and of the weight; a frame has fewer than 2^32 elements.
template <class T> struct ConvolutionSource {
    Taps taps;
    const bf16 *weight; ///< at the tile's first channel
    long long tap_stride;
    u32 a_pixel[T::a_copies], a_mask[T::a_copies], b_row[T::b_copies];
};

template <class T>
INLINE void open_source(ConvolutionSource<T> &source, const ck_convolution_arguments &args, ConvolutionPlace place) {
    const int first = thread_index() / T::chunks, chunk = thread_index() % T::chunks;
    source.taps = open_taps(args, place.frame, T::depth);
    source.weight = (const bf16 *)args.weight + (long long)place.channel * args.in_channels;
    source.tap_stride = (long long)args.out_channels * args.in_channels;
    UNROLL for (int i = 0; i < T::a_copies; i++) {
        const int pixel = place.pixel + first + i * T::row_step;
        source.a_pixel[i] = (u32)result_pixel(args, pixel) * (u32)args.in_channels + (u32)chunk * 8;
        source.a_mask[i] = tap_mask(args, pixel);
    }
    UNROLL for (int i = 0; i < T::b_copies; i++) {
        const int row = smaller(first + i * T::row_step, args.out_channels - place.channel - 1);
        source.b_row[i] = (u32)(row * args.in_channels + chunk * 8);
    }
}

template <class T> INLINE void copy_step(ConvolutionSource<T> &source, u32 stage) {
    const int first = thread_index() / T::chunks, chunk = thread_index() % T::chunks;
    const Taps &taps = source.taps;
    const bool exists = taps.channel + chunk * 8 < taps.channels;
    const bf16 *x = (const bf16 *)tap_frame(taps, taps.time);
    const bf16 *weight = source.weight + tap_number(taps) * source.tap_stride;
    const u32 distance = (u32)tap_distance(taps), bit = exists ? 1u << tap_bit(taps) : 0;
    UNROLL for (int i = 0; i < T::a_copies; i++) {
        const bool valid = (source.a_mask[i] & bit) != 0;
        copy_async(stage + a_place<T>(first + i * T::row_step, chunk), x + (valid ? source.a_pixel[i] + distance : 0),
                   valid);
    }
    UNROLL for (int i = 0; i < T::b_copies; i++) {
        const u32 from = exists ? source.b_row[i] + (u32)taps.channel : 0;
        copy_async(stage + T::a_bytes + b_place<T>(first + i * T::row_step, chunk), weight + from, exists);
    }
    next_tap(source.taps);
}

template <class T> INLINE void convolution(const ck_convolution_arguments &args) {
    static_assert(T::rows == CK_CONVOLUTION_ROWS && T::threads == CK_GEMM_THREADS &&
                      T::shared_bytes == CK_CONVOLUTION_SHARED + T::columns * CK_CONVOLUTION_COLUMN_SHARED,
                  "the host's figures");
    const ConvolutionPlace place = convolution_place(args, T::rows, T::columns);
    ConvolutionSource<T> source;
    open_source(source, args, place);
    const int steps = source.taps.steps;
    Sums<T> sums;
    sum_products<T>(sums, source, steps);
    store_sums<T>(convolution_result(args, place), sums);
}

template <int Columns, int WarpRows, int WarpColumns>
using ConvolutionTile = Tile<128, Columns, 32, WarpRows, WarpColumns, false>;

KERNEL(convolution_128x128, ck_convolution_arguments, 128, 2) { convolution<ConvolutionTile<128, 64, 64>>(args); }
KERNEL(convolution_128x96, ck_convolution_arguments, 128, 2) { convolution<ConvolutionTile<96, 32, 96>>(args); }
KERNEL(convolution_128x64, ck_convolution_arguments, 128, 3) { convolution<ConvolutionTile<64, 64, 32>>(args); }
KERNEL(convolution_128x32, ck_convolution_arguments, 128, 4) { convolution<ConvolutionTile<32, 32, 32>>(args); }
