// Norms: bound by memory, so each element is read once, held in registers and written once. Sums are f32.

// ---- Rows

/// This thread's part of a row of vectors of V elements: `count` of them, `step` elements apart.
struct Row {
    int threads;
    int column, step, count; ///< column: of the first element; count: 0 behind the last row
    long long index, first;  ///< first: place of the first element in the array
};

template <int V> INLINE Row this_row(int rows, int width) {
    int shift = 0;
    while ((CK_NORM_HELD << shift) < width)
        shift++;
    Row row;
    row.threads = 1 << shift;
    int place = thread_index() & (row.threads - 1);
    row.column = place * V;
    row.step = row.threads * V;
    row.index = (long long)block_x() * (CK_NORM_THREADS >> shift) + (thread_index() >> shift);
    row.first = row.index * width + row.column;
    row.count = row.index < rows ? (width / V - place + row.threads - 1) >> shift : 0;
    return row;
}

/// The sum over the threads of a row, the same in each of them; every thread of the block takes part. Sums of one
/// kernel have different numbers.
INLINE float row_sum(float x, int threads, int number) {
    UNROLL for (int mask = 16; mask > 0; mask /= 2) {
        if (mask < threads)
            x += shuffle_xor(x, mask);
    }
    if (threads <= 32)
        return x;
    u32 sums = shared_base() + (u32)number * (CK_NORM_THREADS / 32 * 4);
    int warp = thread_index() / 32, lane = thread_index() % 32, warps = threads / 32;
    if (lane == 0)
        shared_store(sums + (u32)warp * 4, x);
    block_barrier();
    x = shared_load(sums + (u32)((warp & -warps) + (lane & (warps - 1))) * 4);
    UNROLL for (int mask = CK_NORM_THREADS / 64; mask > 0; mask /= 2) {
        if (mask < warps)
            x += shuffle_xor(x, mask);
    }
    return x;
}

/// V elements by vectors of A.
template <int V, int A, typename X> INLINE void load(const X *x, float (&y)[V]) {
    UNROLL for (int j = 0; j < V; j += A) {
        Vector<X, A> part = *(const Vector<X, A> *)(x + j);
        UNROLL for (int k = 0; k < A; k++) y[j + k] = to_float(part.v[k]);
    }
}

template <int V, int A, typename Out> INLINE void store(Out *out, const float (&y)[V]) {
    UNROLL for (int j = 0; j < V; j += A) {
        Vector<Out, A> part;
        UNROLL for (int k = 0; k < A; k++) from_float(y[j + k], part.v[k]);
        *(Vector<Out, A> *)(out + j) = part;
    }
}

/// A thread's part of a row, zeros where there is none.
template <int V, typename X> INLINE void load_row(const X *first, const Row &row, float (&y)[CK_NORM_HELD / V][V]) {
    UNROLL for (int i = 0; i < CK_NORM_HELD / V; i++) {
        UNROLL for (int j = 0; j < V; j++) y[i][j] = 0.f;
        if (i < row.count)
            load<V, V>(first + i * row.step, y[i]);
    }
}

template <int V> INLINE float row_squares(const Row &row, const float (&x)[CK_NORM_HELD / V][V]) {
    float sum = 0.f;
    UNROLL for (int i = 0; i < CK_NORM_HELD / V; i++) {
        UNROLL for (int j = 0; j < V; j++) sum = fmaf(x[i][j], x[i][j], sum);
    }
    return row_sum(sum, row.threads, 0);
}

/// The relative error of the reciprocal is below that of expf.
INLINE float silu(float x) { return x * reciprocal_approx(1.f + expf(-x)); }

enum class Norm { layer, rms, channel };

template <int V> INLINE void take_mean(int width, const Row &row, float (&x)[CK_NORM_HELD / V][V]) {
    // The second time takes away what the first mean was rounded by.
    NO_UNROLL for (int pass = 0; pass < 2; pass++) {
        float sum = 0.f;
        UNROLL for (int i = 0; i < CK_NORM_HELD / V; i++) { UNROLL for (int j = 0; j < V; j++) sum += x[i][j]; }
        float mean = row_sum(sum, row.threads, 1 + pass) / (float)width;
        UNROLL for (int i = 0; i < CK_NORM_HELD / V; i++) {
            if (i < row.count) {
                UNROLL for (int j = 0; j < V; j++) x[i][j] -= mean;
            }
        }
    }
}

/// What the elements of a row, less their mean in a layer norm, are multiplied by.
template <Norm norm> INLINE float row_factor(const ck_norm_arguments &args, float squares) {
    float width = (float)args.width;
    if constexpr (norm == Norm::channel)
        return sqrtf(width) / fmaxf(sqrtf(squares), 1e-12f);
    else
        return 1.f / sqrtf(squares / width + args.eps);
}

template <Norm norm, int V> INLINE void finish(const ck_norm_arguments &args, int column, float factor, float (&y)[V]) {
    enum { P = V < 4 ? V : 4 }; // elements of a vector of parameters
    float parameter[V];
    UNROLL for (int j = 0; j < V; j++) y[j] *= factor;
    if (args.gain) {
        load<V, P>((const float *)args.gain + column, parameter);
        UNROLL for (int j = 0; j < V; j++) y[j] *= parameter[j];
    }
    if (norm == Norm::layer && args.offset) {
        load<V, P>((const float *)args.offset + column, parameter);
        UNROLL for (int j = 0; j < V; j++) y[j] += parameter[j];
    }
    if (norm == Norm::channel && args.silu) {
        UNROLL for (int j = 0; j < V; j++) y[j] = silu(y[j]);
    }
}

template <Norm norm, typename X, typename Out, int V> INLINE void norm_vectors(const ck_norm_arguments &args) {
    Row row = this_row<V>(args.rows, args.width);
    float x[CK_NORM_HELD / V][V];
    load_row<V>((const X *)args.x + row.first, row, x);
    if constexpr (norm == Norm::layer)
        take_mean<V>(args.width, row, x);
    float factor = row_factor<norm>(args, row_squares<V>(row, x));
    Out *out = (Out *)args.out + row.first;
    UNROLL for (int i = 0; i < CK_NORM_HELD / V; i++) {
        if (i >= row.count)
            continue;
        finish<norm, V>(args, row.column + i * row.step, factor, x[i]);
        store<V, V>(out + i * row.step, x[i]);
    }
}

/// Elements of any alignment, loaded for each sum.
template <Norm norm, typename X, typename Out> INLINE void norm_elements(const ck_norm_arguments &args) {
    Row row = this_row<1>(args.rows, args.width);
    const X *x = (const X *)args.x + row.first;
    float mean = 0.f, rest = 0.f, squares = 0.f; // the mean is mean + rest
    NO_UNROLL for (int pass = 0; norm == Norm::layer && pass < 2; pass++) {
        float sum = 0.f;
        NO_UNROLL for (int i = 0; i < row.count; i++) sum += to_float(x[i * row.step]) - mean;
        rest = row_sum(sum, row.threads, 1 + pass) / (float)args.width;
        if (pass == 0)
            mean = rest;
    }
    NO_UNROLL for (int i = 0; i < row.count; i++) {
        float d = to_float(x[i * row.step]) - mean - rest;
        squares = fmaf(d, d, squares);
    }
    float factor = row_factor<norm>(args, row_sum(squares, row.threads, 0));
    NO_UNROLL for (int i = 0; i < row.count; i++) {
        float y[1] = {to_float(x[i * row.step]) - mean - rest};
        finish<norm, 1>(args, row.column + i * row.step, factor, y);
        from_float(y[0], ((Out *)args.out)[row.first + i * row.step]);
    }
}

/// By vectors of 16 bytes of the wider dtype where every row of every array is aligned to them.
template <Norm norm, typename X, typename Out> INLINE void norm_rows(const ck_norm_arguments &args) {
    enum { V = 16 / (sizeof(X) > sizeof(Out) ? sizeof(X) : sizeof(Out)) };
    if (args.width % V == 0 && (args.x | args.out | args.gain | args.offset) % 16 == 0)
        norm_vectors<norm, X, Out, V>(args);
    else
        norm_elements<norm, X, Out>(args);
}

#define NORM_KERNEL(name, norm, X, Out)                                                                                \
    KERNEL(name, ck_norm_arguments, CK_NORM_THREADS, 4) { norm_rows<norm, X, Out>(args); }

NORM_KERNEL(layer_norm_f32_f32, Norm::layer, float, float)
NORM_KERNEL(layer_norm_f32_bf16, Norm::layer, float, bf16)
NORM_KERNEL(rms_norm_f32_f32, Norm::rms, float, float)
NORM_KERNEL(rms_norm_f32_bf16, Norm::rms, float, bf16)
NORM_KERNEL(rms_norm_bf16_f32, Norm::rms, bf16, float)
NORM_KERNEL(rms_norm_bf16_bf16, Norm::rms, bf16, bf16)
NORM_KERNEL(channel_norm_f32_f32, Norm::channel, float, float)
NORM_KERNEL(channel_norm_f32_bf16, Norm::channel, float, bf16)
NORM_KERNEL(channel_norm_bf16_f32, Norm::channel, bf16, float)
NORM_KERNEL(channel_norm_bf16_bf16, Norm::channel, bf16, bf16)

// ---- RMS norm and rotary embedding

/// The elements of a row from `column` on, all in one head, as loaded to as stored.
template <int V, int P, int H>
INLINE void turn(const ck_norm_rotary_arguments &args, const Row &row, int column, float factor, float (&x)[V]) {
    float gain[V], cosine[V / 2], sine[V / 2];
    long long pair = row.index * (args.head_dim / 2) + column % args.head_dim / 2;
    load<V, P>((const float *)args.gain + column, gain);
    load<V / 2, H>((const float *)args.cosine + pair, cosine);
    load<V / 2, H>((const float *)args.sine + pair, sine);
    UNROLL for (int j = 0; j < V; j += 2) {
        float a = x[j] * factor * gain[j], b = x[j + 1] * factor * gain[j + 1];
        x[j] = a * cosine[j / 2] - b * sine[j / 2];
        x[j + 1] = a * sine[j / 2] + b * cosine[j / 2];
    }
}

INLINE float rotary_factor(const ck_norm_rotary_arguments &args, float squares) {
    return 1.f / sqrtf(squares / (float)(args.heads * args.head_dim) + args.eps);
}

template <typename X, int V> INLINE void norm_rotary_vectors(const ck_norm_rotary_arguments &args) {
    Row row = this_row<V>(args.rows, args.heads * args.head_dim);
    X *first = (X *)args.x + row.first;
    float x[CK_NORM_HELD / V][V];
    load_row<V>((const X *)first, row, x);
    float factor = rotary_factor(args, row_squares<V>(row, x));
    UNROLL for (int i = 0; i < CK_NORM_HELD / V; i++) {
        if (i >= row.count)
            continue;
        turn<V, 4, V / 2>(args, row, row.column + i * row.step, factor, x[i]);
        store<V, V>(first + i * row.step, x[i]);
    }
}

/// Pairs of any alignment, loaded twice.
template <typename X> INLINE void norm_rotary_pairs(const ck_norm_rotary_arguments &args) {
    Row row = this_row<2>(args.rows, args.heads * args.head_dim);
    X *first = (X *)args.x + row.first;
    float x[2], sum = 0.f;
    NO_UNROLL for (int i = 0; i < row.count; i++) {
        load<2, 1>(first + i * row.step, x);
        sum = fmaf(x[0], x[0], fmaf(x[1], x[1], sum));
    }
    float factor = rotary_factor(args, row_sum(sum, row.threads, 0));
    NO_UNROLL for (int i = 0; i < row.count; i++) {
        load<2, 1>(first + i * row.step, x);
        turn<2, 1, 1>(args, row, row.column + i * row.step, factor, x);
        store<2, 1>(first + i * row.step, x);
    }
}

template <typename X> INLINE void norm_rotary(const ck_norm_rotary_arguments &args) {
    enum { V = 16 / sizeof(X) };
    if (args.head_dim % V == 0 && (args.x | args.gain | args.cosine | args.sine) % 16 == 0)
        norm_rotary_vectors<X, V>(args);
    else
        norm_rotary_pairs<X>(args);
}

KERNEL(rms_norm_rotary_f32, ck_norm_rotary_arguments, CK_NORM_THREADS, 3) { norm_rotary<float>(args); }
KERNEL(rms_norm_rotary_bf16, ck_norm_rotary_arguments, CK_NORM_THREADS, 4) { norm_rotary<bf16>(args); }

// ---- Layer norm of heads and rotary embedding

/// V elements of a head from `column` on, less their mean.
template <int V, int P, int H>
INLINE void finish_head(const ck_layer_norm_rotary_arguments &args, const Row &row, int column, float factor,
                        float (&y)[V]) {
    float gain[V], offset[V], cosine[V / 2], sine[V / 2];
    load<V, P>((const float *)args.gain + column, gain);
    load<V, P>((const float *)args.offset + column, offset);
    UNROLL for (int j = 0; j < V; j++) y[j] = fmaf(y[j] * factor, gain[j], offset[j]);
    if (!args.cosine)
        return;
    long long pair = row.index / args.heads * (args.head_dim / 2) + column / 2;
    load<V / 2, H>((const float *)args.cosine + pair, cosine);
    load<V / 2, H>((const float *)args.sine + pair, sine);
    UNROLL for (int j = 0; j < V; j += 2) {
        float a = y[j], b = y[j + 1];
        y[j] = a * cosine[j / 2] - b * sine[j / 2];
        y[j + 1] = a * sine[j / 2] + b * cosine[j / 2];
    }
}

INLINE float head_factor(const ck_layer_norm_rotary_arguments &args, float squares) {
    return 1.f / sqrtf(squares / (float)args.head_dim + args.eps);
}

template <typename X, int V> INLINE void head_vectors(const ck_layer_norm_rotary_arguments &args) {
    Row row = this_row<V>(args.rows * args.heads, args.head_dim);
    X *first = (X *)args.x + row.first;
    float x[CK_NORM_HELD / V][V];
    load_row<V>((const X *)first, row, x);
    take_mean<V>(args.head_dim, row, x);
    float factor = head_factor(args, row_squares<V>(row, x));
    UNROLL for (int i = 0; i < CK_NORM_HELD / V; i++) {
        if (i >= row.count)
            continue;
        finish_head<V, 4, V / 2>(args, row, row.column + i * row.step, factor, x[i]);
        store<V, V>(first + i * row.step, x[i]);
    }
}

/// Pairs of any alignment, loaded for each sum.
template <typename X> INLINE void head_pairs(const ck_layer_norm_rotary_arguments &args) {
    Row row = this_row<2>(args.rows * args.heads, args.head_dim);
    X *first = (X *)args.x + row.first;
    float x[2], mean = 0.f, rest = 0.f, squares = 0.f; // the mean is mean + rest
    NO_UNROLL for (int pass = 0; pass < 2; pass++) {
        float sum = 0.f;
        NO_UNROLL for (int i = 0; i < row.count; i++) {
            load<2, 1>(first + i * row.step, x);
            sum += (x[0] - mean) + (x[1] - mean);
        }
        rest = row_sum(sum, row.threads, 1 + pass) / (float)args.head_dim;
        if (pass == 0)
            mean = rest;
    }
    NO_UNROLL for (int i = 0; i < row.count; i++) {
        load<2, 1>(first + i * row.step, x);
        float a = x[0] - mean - rest, b = x[1] - mean - rest;
        squares = fmaf(a, a, fmaf(b, b, squares));
    }
    float factor = head_factor(args, row_sum(squares, row.threads, 0));
    NO_UNROLL for (int i = 0; i < row.count; i++) {
        load<2, 1>(first + i * row.step, x);
        UNROLL for (int j = 0; j < 2; j++) x[j] = x[j] - mean - rest;
        finish_head<2, 1, 1>(args, row, row.column + i * row.step, factor, x);
        store<2, 1>(first + i * row.step, x);
    }
}

template <typename X> INLINE void layer_norm_rotary(const ck_layer_norm_rotary_arguments &args) {
    enum { V = 16 / sizeof(X) };
    if (args.head_dim % V == 0 && (args.x | args.gain | args.offset | args.cosine | args.sine) % 16 == 0)
        head_vectors<X, V>(args);
    else
        head_pairs<X>(args);
}

KERNEL(layer_norm_rotary_f32, ck_layer_norm_rotary_arguments, CK_NORM_THREADS, 3) { layer_norm_rotary<float>(args); }
KERNEL(layer_norm_rotary_bf16, ck_layer_norm_rotary_arguments, CK_NORM_THREADS, 3) { layer_norm_rotary<bf16>(args); }

// ---- Group norm

/// The part of a block: some positions, whose channels belong to threads by vectors of V. `lanes` threads share the
/// vectors that begin at one channel and take the positions in turn.
struct GroupPiece {
    long long first; ///< position
    int positions;
    int columns, column; ///< vectors side by side; this thread's
    int lanes, lane;
};

INLINE GroupPiece this_piece(const ck_group_norm_arguments &args, int vectors) {
    GroupPiece piece;
    piece.first = (long long)block_x() * args.piece;
    long long left = args.positions - piece.first;
    piece.positions = left < args.piece ? (int)left : args.piece;
    piece.columns = vectors < CK_NORM_THREADS ? vectors : CK_NORM_THREADS;
    piece.column = thread_index() % piece.columns;
    piece.lanes = CK_NORM_THREADS / piece.columns;
    piece.lane = thread_index() / piece.columns;
    return piece;
}

/// How many positions a lane takes; 0 for the threads behind the last lane.
INLINE int positions_of_lane(const GroupPiece &piece, int lane) {
    return lane < piece.lanes && lane < piece.positions ? (piece.positions - lane + piece.lanes - 1) / piece.lanes : 0;
}

enum { GROUP_VECTOR = 4, GROUP_BATCH = 4 }; // elements of a vector, loads under way

/// Mean and sum of squared differences of each channel of this thread's positions, to shared memory: means [lanes]
/// [channels], then the squares. The sums are of differences from the first position, against cancellation.
template <typename X, int V>
INLINE void lane_statistics(const ck_group_norm_arguments &args, const GroupPiece &piece, u32 means, u32 squares) {
    int count = positions_of_lane(piece, piece.lane);
    if (count == 0)
        return;
    for (int channel = piece.column * V; channel < args.channels; channel += piece.columns * V) {
        const X *x = (const X *)args.x + (piece.first + piece.lane) * args.channels + channel;
        long long step = (long long)piece.lanes * args.channels;
        float shift[V], sum[V], square[V];
        load<V, V>(x, shift);
        UNROLL for (int j = 0; j < V; j++) sum[j] = square[j] = 0.f;
        NO_UNROLL for (int i = 0; i < count; i += GROUP_BATCH) {
            float y[GROUP_BATCH][V];
            UNROLL for (int b = 0; b < GROUP_BATCH; b++) {
                UNROLL for (int j = 0; j < V; j++) y[b][j] = shift[j];
                if (i + b < count)
                    load<V, V>(x + (i + b) * step, y[b]);
            }
            UNROLL for (int b = 0; b < GROUP_BATCH; b++) {
                UNROLL for (int j = 0; j < V; j++) {
                    float d = y[b][j] - shift[j];
                    sum[j] += d;
                    square[j] = fmaf(d, d, square[j]);
                }
            }
        }
        UNROLL for (int j = 0; j < V; j++) {
            u32 place = (u32)(piece.lane * args.channels + channel + j) * 4;
            float mean = sum[j] / (float)count;
            shared_store(means + place, shift[j] + mean);
            shared_store(squares + place, fmaxf(square[j] - sum[j] * mean, 0.f));
        }
    }
}

INLINE float warp_sum(float x) { return row_sum(x, 32, 0); }

/// The statistics of each group over one piece, a warp for a group: those of parts with n_i elements, mean m_i and
/// squares s_i are m = Σ n_i m_i / n and Σ s_i + n_i (m_i - m)².
template <typename X, int V> INLINE void group_statistics(const ck_group_norm_arguments &args) {
    GroupPiece piece = this_piece(args, args.channels / V);
    u32 means = shared_base(), squares = means + (u32)(piece.lanes * args.channels) * 4;
    lane_statistics<X, V>(args, piece, means, squares);
    block_barrier();
    int size = args.channels / args.groups, parts = size * piece.lanes;
    int warp = thread_index() / 32, lane = thread_index() % 32;
    float all = (float)size * (float)piece.positions;
    for (int group = warp; group < args.groups; group += CK_NORM_THREADS / 32) {
        float base = shared_load(means + (u32)(group * size) * 4), sum = 0.f;
        for (int part = lane; part < parts; part += 32) {
            int place = part / size * args.channels + group * size + part % size;
            float count = (float)positions_of_lane(piece, part / size);
            if (count > 0.f)
                sum = fmaf(count, shared_load(means + (u32)place * 4) - base, sum);
        }
        float mean = base + warp_sum(sum) / all, square = 0.f;
        for (int part = lane; part < parts; part += 32) {
            int place = part / size * args.channels + group * size + part % size;
            float count = (float)positions_of_lane(piece, part / size);
            if (count > 0.f) {
                float d = shared_load(means + (u32)place * 4) - mean;
                square += fmaf(count * d, d, shared_load(squares + (u32)place * 4));
            }
        }
        square = warp_sum(square);
        if (lane == 0) {
            float *partial = (float *)args.partial + (long long)group * grid_x() + block_x();
            partial[0] = mean;
            partial[(long long)args.groups * grid_x()] = square;
        }
    }
}

/// A block for each group: its mean, and the factor of each of its channels.
KERNEL(group_norm_merge, ck_group_norm_arguments, CK_NORM_THREADS, 1) {
    int group = block_x(), size = args.channels / args.groups;
    int pieces = (int)((args.positions + args.piece - 1) / args.piece);
    const float *means = (const float *)args.partial + (long long)group * pieces;
    const float *squares = means + (long long)args.groups * pieces;
    float base = means[0], sum = 0.f, square = 0.f;
    float last = (float)(args.positions - (long long)(pieces - 1) * args.piece);
    float all = (float)args.positions;
    for (int i = thread_index(); i < pieces; i += CK_NORM_THREADS)
        sum = fmaf(i < pieces - 1 ? (float)args.piece : last, means[i] - base, sum);
    float mean = base + row_sum(sum, CK_NORM_THREADS, 0) / all;
    for (int i = thread_index(); i < pieces; i += CK_NORM_THREADS) {
        float d = means[i] - mean, count = i < pieces - 1 ? (float)args.piece : last;
        square += fmaf(count * (float)size * d, d, squares[i]);
    }
    float factor = 1.f / sqrtf(row_sum(square, CK_NORM_THREADS, 1) / (all * (float)size) + args.eps);
    float *channel = (float *)args.channel + group * size;
    const float *gain = (const float *)args.gain;
    for (int i = thread_index(); i < size; i += CK_NORM_THREADS) {
        channel[i] = mean;
        channel[args.channels + i] = gain ? factor * gain[group * size + i] : factor;
    }
}

/// Where the vectors of the place nearest to a position begin.
INLINE long long nearest_place(const ck_group_norm_arguments &args, long long position) {
    int line = (int)(position / args.width), column = (int)(position - (long long)line * args.width);
    int frame = line / args.height, own = 0;
    line -= frame * args.height;
    if (!args.parts_first_frame)
        own = frame * args.place_frames / args.frames;
    else if (frame > 0)
        own = 1 + (frame - 1) * (args.place_frames - 1) / (args.frames - 1);
    line = line * args.place_height / args.height;
    column = column * args.place_width / args.width;
    return ((long long)(own * args.place_height + line) * args.place_width + column) * args.channels;
}

template <typename X, typename Out, int V> INLINE void group_apply(const ck_group_norm_arguments &args) {
    GroupPiece piece = this_piece(args, args.channels / V);
    int count = positions_of_lane(piece, piece.lane);
    if (count == 0)
        return;
    for (int channel = piece.column * V; channel < args.channels; channel += piece.columns * V) {
        long long first = (piece.first + piece.lane) * args.channels + channel;
        long long step = (long long)piece.lanes * args.channels;
        float mean[V], factor[V], offset[V];
        load<V, V>((const float *)args.channel + channel, mean);
        load<V, V>((const float *)args.channel + args.channels + channel, factor);
        UNROLL for (int j = 0; j < V; j++) offset[j] = 0.f;
        if (args.offset)
            load<V, V>((const float *)args.offset + channel, offset);
        NO_UNROLL for (int i = 0; i < count; i += GROUP_BATCH) {
            float y[GROUP_BATCH][V];
            UNROLL for (int b = 0; b < GROUP_BATCH; b++) {
                if (i + b < count)
                    load<V, V>((const X *)args.x + first + (i + b) * step, y[b]);
            }
            UNROLL for (int b = 0; b < GROUP_BATCH; b++) {
                if (i + b >= count)
                    continue;
                UNROLL for (int j = 0; j < V; j++) y[b][j] = fmaf(y[b][j] - mean[j], factor[j], offset[j]);
                if (args.place_gain) {
                    long long place =
                        nearest_place(args, piece.first + piece.lane + (long long)(i + b) * piece.lanes) + channel;
                    float by[V], plus[V];
                    load<V, V>((const float *)args.place_gain + place, by);
                    load<V, V>((const float *)args.place_offset + place, plus);
                    UNROLL for (int j = 0; j < V; j++) y[b][j] = fmaf(y[b][j], by[j], plus[j]);
                }
                if (args.silu) {
                    UNROLL for (int j = 0; j < V; j++) y[b][j] = silu(y[b][j]);
                }
                store<V, V>((Out *)args.out + first + (i + b) * step, y[b]);
            }
        }
    }
}

INLINE bool has_group_vectors(const ck_group_norm_arguments &args) {
    const ck_address places = args.place_gain | args.place_offset;
    return args.channels % GROUP_VECTOR == 0 && (args.x | args.out | args.offset | args.channel | places) % 16 == 0;
}

template <typename X> INLINE void group_statistics(const ck_group_norm_arguments &args) {
    if (has_group_vectors(args))
        group_statistics<X, GROUP_VECTOR>(args);
    else
        group_statistics<X, 1>(args);
}

template <typename X, typename Out> INLINE void group_apply(const ck_group_norm_arguments &args) {
    if (has_group_vectors(args))
        group_apply<X, Out, GROUP_VECTOR>(args);
    else
        group_apply<X, Out, 1>(args);
}

#define GROUP_STATISTICS_KERNEL(name, X)                                                                               \
    KERNEL(name, ck_group_norm_arguments, CK_NORM_THREADS, 2) { group_statistics<X>(args); }
#define GROUP_APPLY_KERNEL(name, X, Out)                                                                               \
    KERNEL(name, ck_group_norm_arguments, CK_NORM_THREADS, 2) { group_apply<X, Out>(args); }

GROUP_STATISTICS_KERNEL(group_norm_statistics_f32, float)
GROUP_STATISTICS_KERNEL(group_norm_statistics_bf16, bf16)
GROUP_APPLY_KERNEL(group_norm_apply_f32_f32, float, float)
GROUP_APPLY_KERNEL(group_norm_apply_f32_bf16, float, bf16)
GROUP_APPLY_KERNEL(group_norm_apply_bf16_f32, bf16, float)
GROUP_APPLY_KERNEL(group_norm_apply_bf16_bf16, bf16, bf16)
