// Gathers and rearrangements. A block writes, or for the enlarging ones reads, CK_PIECE neighbouring elements of one
// row; what a row is stands with the arguments.

/// This block's part of a row: elements first..<end.
struct Piece {
    u32 row, first, end;
};

INLINE Piece this_piece(u32 row_size) {
    u32 pieces = (row_size + CK_PIECE - 1) / CK_PIECE, block = (u32)block_x();
    Piece piece;
    piece.row = block / pieces;
    piece.first = (block - piece.row * pieces) * CK_PIECE;
    piece.end = row_size - piece.first < CK_PIECE ? row_size : piece.first + CK_PIECE;
    return piece;
}

enum { HELD = CK_PIECE / CK_PIECE_THREADS }; // elements of a thread

/// Loads under way at once, for vectors of V elements.
template <int V> constexpr int batch = HELD / V < 4 ? HELD / V : 4;

/// Where this thread's i-th vector of V elements begins in the row; it has HELD / V of them.
template <int V> INLINE u32 place_of(const Piece &piece, int i) {
    return piece.first + (u32)((i * CK_PIECE_THREADS + thread_index()) * V);
}

template <int V, typename X> INLINE Vector<X, V> load(const X *x, long long place) {
    return *(const Vector<X, V> *)(x + place);
}

template <int V, typename X> INLINE void store(X *out, long long place, Vector<X, V> y) {
    *(Vector<X, V> *)(out + place) = y;
}

template <int V, typename Out, typename X> INLINE Vector<Out, V> converted(Vector<X, V> x) {
    Vector<Out, V> y;
    UNROLL for (int j = 0; j < V; j++) from_float(to_float(x.v[j]), y.v[j]);
    return y;
}

// ---- Embedding

template <typename X, typename Out, int V> INLINE void embed(const ck_embedding_arguments &args) {
    Piece piece = this_piece((u32)args.width);
    long long id = ((const int *)args.ids)[piece.row];
    const X *x = (const X *)args.table + id * args.width;
    Out *out = (Out *)args.out + (long long)piece.row * args.width;
    UNROLL for (int i = 0; i < HELD / V; i++) {
        u32 place = place_of<V>(piece, i);
        if (place < piece.end)
            store<V>(out, place, converted<V, Out>(load<V>(x, place)));
    }
}

template <typename X, typename Out> INLINE void embed(const ck_embedding_arguments &args) {
    enum { V = 16 / (sizeof(X) > sizeof(Out) ? sizeof(X) : sizeof(Out)) };
    if (args.width % V == 0 && (args.table | args.out) % 16 == 0)
        embed<X, Out, V>(args);
    else
        embed<X, Out, 1>(args);
}

#define EMBEDDING_KERNEL(name, X, Out)                                                                                 \
    KERNEL(name, ck_embedding_arguments, CK_PIECE_THREADS, 4) { embed<X, Out>(args); }

EMBEDDING_KERNEL(embedding_f32_f32, float, float)
EMBEDDING_KERNEL(embedding_f32_bf16, float, bf16)
EMBEDDING_KERNEL(embedding_bf16_f32, bf16, float)
EMBEDDING_KERNEL(embedding_bf16_bf16, bf16, bf16)
EMBEDDING_KERNEL(embedding_f16_f32, f16, float)
EMBEDDING_KERNEL(embedding_f16_bf16, f16, bf16)

// ---- Patches

/// How many of something lie in each direction.
struct Extent {
    u32 t, y, x;
};

INLINE Extent patch_of(const ck_patch_arguments &args) {
    return {(u32)args.patch_frames, (u32)args.patch_height, (u32)args.patch_width};
}

template <typename Out> INLINE void patchify(const ck_patch_arguments &args) {
    Extent patch = patch_of(args);
    u32 rows = (u32)args.height / patch.y, columns = (u32)args.width / patch.x;
    u32 width = (u32)args.channels * patch.t * patch.y * patch.x;
    Piece piece = this_piece(rows * columns * width);
    const float *x = (const float *)args.x;
    NO_UNROLL for (int i = 0; i < HELD; i++) {
        u32 place = place_of<1>(piece, i);
        if (place >= piece.end)
            break;
        u32 token = place / width, inside = place - token * width;
        u32 pw = inside % patch.x, ph = inside / patch.x % patch.y;
        u32 pt = inside / (patch.x * patch.y) % patch.t, c = inside / (patch.x * patch.y * patch.t);
        u32 row = token / columns, column = token - row * columns;
        long long line = ((long long)c * args.frames + piece.row * patch.t + pt) * args.height + row * patch.y + ph;
        Out y;
        from_float(x[line * args.width + column * patch.x + pw], y);
        ((Out *)args.out)[((long long)piece.row * rows * columns + token) * args.out_width + inside] = y;
    }
}

template <typename X> INLINE void unpatchify(const ck_patch_arguments &args) {
    Extent patch = patch_of(args);
    u32 columns = (u32)args.width / patch.x, rows = (u32)args.height / patch.y;
    Piece piece = this_piece((u32)args.height * (u32)args.width);
    u32 c = piece.row / (u32)args.frames, t = piece.row - c * (u32)args.frames;
    long long row_tokens = (long long)(t / patch.t) * rows;
    u32 volume = patch.t * patch.y * patch.x;
    NO_UNROLL for (int i = 0; i < HELD; i++) {
        u32 place = place_of<1>(piece, i);
        if (place >= piece.end)
            break;
        u32 row = place / (u32)args.width, column = place - row * (u32)args.width;
        long long token = (row_tokens + row / patch.y) * columns + column / patch.x;
        u32 inside = (t % patch.t * patch.y + row % patch.y) * patch.x + column % patch.x;
        ((float *)args.out)[(long long)piece.row * args.height * args.width + place] =
            to_float(((const X *)args.x)[(token * volume + inside) * args.channels + c]);
    }
}

KERNEL(patchify_f32, ck_patch_arguments, CK_PIECE_THREADS, 4) { patchify<float>(args); }
KERNEL(patchify_bf16, ck_patch_arguments, CK_PIECE_THREADS, 4) { patchify<bf16>(args); }
KERNEL(unpatchify_f32, ck_patch_arguments, CK_PIECE_THREADS, 4) { unpatchify<float>(args); }
KERNEL(unpatchify_bf16, ck_patch_arguments, CK_PIECE_THREADS, 4) { unpatchify<bf16>(args); }

template <typename Out> INLINE void channels_last(const ck_channels_last_arguments &args) {
    Piece piece = this_piece((u32)args.pixels * (u32)args.channels);
    const float *gain = (const float *)args.gain, *offset = (const float *)args.offset;
    NO_UNROLL for (int i = 0; i < HELD; i++) {
        u32 place = place_of<1>(piece, i);
        if (place >= piece.end)
            break;
        u32 pixel = place / (u32)args.channels, c = place - pixel * (u32)args.channels;
        long long from = ((long long)c * args.frames + args.frame) * args.pixels + pixel;
        from_float(fmaf(((const float *)args.x)[from], gain[c], offset[c]), ((Out *)args.out)[place]);
    }
}

KERNEL(channels_last_f32, ck_channels_last_arguments, CK_PIECE_THREADS, 4) { channels_last<float>(args); }
KERNEL(channels_last_bf16, ck_channels_last_arguments, CK_PIECE_THREADS, 4) { channels_last<bf16>(args); }

// ---- Enlarging

/// Each pixel four times.
template <typename X, int V> INLINE void upsample2x(const ck_resize_arguments &args) {
    u32 line = (u32)args.width * (u32)args.channels;
    Piece piece = this_piece(line);
    const X *x = (const X *)args.x + (long long)piece.row * line;
    X *out = (X *)args.out + (long long)piece.row * 4 * line;
    NO_UNROLL for (int first = 0; first < HELD / V; first += batch<V>) {
        Vector<X, V> y[batch<V>];
        UNROLL for (int i = 0; i < batch<V>; i++) {
            if (place_of<V>(piece, first + i) < piece.end)
                y[i] = load<V>(x, place_of<V>(piece, first + i));
        }
        UNROLL for (int i = 0; i < batch<V>; i++) {
            u32 place = place_of<V>(piece, first + i);
            if (place >= piece.end)
                continue;
            long long left = (long long)place + place / (u32)args.channels * (u32)args.channels;
            // One after another, because NVRTC stores a vector by elements where it sees several of its stores at once.
            NO_UNROLL for (int corner = 0; corner < 4; corner++)
                store<V>(out, left + corner % 2 * args.channels + corner / 2 * 2 * (long long)line, y[i]);
        }
    }
}

/// The first half of a pixel's channels to one frame, the second to the next.
template <typename X, int V> INLINE void interleave_frames(const ck_resize_arguments &args) {
    u32 channels = (u32)args.channels / 2, pixels = (u32)args.height * (u32)args.width;
    Piece piece = this_piece(pixels * 2 * channels);
    const X *x = (const X *)args.x + (long long)piece.row * pixels * 2 * channels;
    X *out = (X *)args.out + (long long)piece.row * pixels * 2 * channels;
    NO_UNROLL for (int first = 0; first < HELD / V; first += batch<V>) {
        Vector<X, V> y[batch<V>];
        UNROLL for (int i = 0; i < batch<V>; i++) {
            if (place_of<V>(piece, first + i) < piece.end)
                y[i] = load<V>(x, place_of<V>(piece, first + i));
        }
        UNROLL for (int i = 0; i < batch<V>; i++) {
            u32 place = place_of<V>(piece, first + i);
            if (place >= piece.end)
                continue;
            u32 half = place / channels, c = place - half * channels;
            store<V>(out, ((long long)(half % 2) * pixels + half / 2) * channels + c, y[i]);
        }
    }
}

INLINE bool moves_vectors(const ck_resize_arguments &args, int channels, int vector) {
    return channels % vector == 0 && (args.x | args.out) % 16 == 0;
}

template <typename X> INLINE void upsample2x(const ck_resize_arguments &args) {
    enum { V = 16 / sizeof(X) };
    if (moves_vectors(args, args.channels, V))
        upsample2x<X, V>(args);
    else
        upsample2x<X, 1>(args);
}

template <typename X> INLINE void interleave_frames(const ck_resize_arguments &args) {
    enum { V = 16 / sizeof(X) };
    if (moves_vectors(args, args.channels / 2, V))
        interleave_frames<X, V>(args);
    else
        interleave_frames<X, 1>(args);
}

KERNEL(upsample2x_16, ck_resize_arguments, CK_PIECE_THREADS, 4) { upsample2x<u16>(args); }
KERNEL(upsample2x_32, ck_resize_arguments, CK_PIECE_THREADS, 4) { upsample2x<u32>(args); }
KERNEL(interleave_frames_16, ck_resize_arguments, CK_PIECE_THREADS, 4) { interleave_frames<u16>(args); }
KERNEL(interleave_frames_32, ck_resize_arguments, CK_PIECE_THREADS, 4) { interleave_frames<u32>(args); }

// ---- The shortcut of Wan 2.2

/// The source pixel of an output pixel, and which of the pixels that come from it this one is.
struct Source {
    long long first; ///< element of x
    u32 place;
};

INLINE Source source_of(const ck_repeated_up_arguments &args, u32 line, u32 column) {
    u32 space = (u32)args.space, time = (u32)args.time, rows = (u32)args.height * space;
    u32 frame = line / rows + (u32)args.skip, row = line % rows;
    Source source;
    source.place = (frame % time * space + row % space) * space + column % space;
    long long pixel = ((long long)(frame / time) * args.height + row / space) * args.width + column / space;
    source.first = pixel * args.in_channels;
    return source;
}

/// By vectors of V elements of out; those of x lie side by side if there are as many channels.
template <typename X, typename Out, int V> INLINE void add_repeated_up(const ck_repeated_up_arguments &args) {
    u32 channels = (u32)args.out_channels, places = (u32)(args.time * args.space * args.space);
    u32 repeats = channels * places / (u32)args.in_channels;
    Piece piece = this_piece((u32)args.width * (u32)args.space * channels);
    Out *out = (Out *)args.out + (long long)piece.row * args.width * args.space * channels;
    bool same = args.in_channels == args.out_channels;
    NO_UNROLL for (int first = 0; first < HELD / V; first += batch<V>) {
        Vector<Out, V> old[batch<V>];
        Vector<X, V> x[batch<V>];
        UNROLL for (int i = 0; i < batch<V>; i++) {
            u32 place = place_of<V>(piece, first + i);
            if (place >= piece.end)
                continue;
            u32 column = place / channels, c = place - column * channels;
            Source source = source_of(args, piece.row, column);
            const X *from = (const X *)args.x + source.first;
            old[i] = load<V>((const Out *)out, place);
            if (same) {
                x[i] = load<V>(from, c);
            } else {
                UNROLL for (int j = 0; j < V; j++) x[i].v[j] = from[((c + (u32)j) * places + source.place) / repeats];
            }
        }
        UNROLL for (int i = 0; i < batch<V>; i++) {
            if (place_of<V>(piece, first + i) >= piece.end)
                continue;
            UNROLL for (int j = 0; j < V; j++) from_float(to_float(old[i].v[j]) + to_float(x[i].v[j]), old[i].v[j]);
            store<V>(out, place_of<V>(piece, first + i), old[i]);
        }
    }
}

template <typename X, typename Out> INLINE void add_repeated_up(const ck_repeated_up_arguments &args) {
    enum { V = 16 / (sizeof(X) > sizeof(Out) ? sizeof(X) : sizeof(Out)) };
    if (args.out_channels % V == 0 && (args.x | args.out) % 16 == 0)
        add_repeated_up<X, Out, V>(args);
    else
        add_repeated_up<X, Out, 1>(args);
}

#define REPEATED_UP_KERNEL(name, X, Out)                                                                               \
    KERNEL(name, ck_repeated_up_arguments, CK_PIECE_THREADS, 4) { add_repeated_up<X, Out>(args); }

REPEATED_UP_KERNEL(add_repeated_up_f32_f32, float, float)
REPEATED_UP_KERNEL(add_repeated_up_f32_bf16, float, bf16)
REPEATED_UP_KERNEL(add_repeated_up_bf16_f32, bf16, float)
REPEATED_UP_KERNEL(add_repeated_up_bf16_bf16, bf16, bf16)

// ---- Pixels

template <typename X> INLINE void pixels(const ck_pixels_arguments &args) {
    u32 patch = (u32)args.patch, columns = (u32)args.width * patch, rows = (u32)args.height * patch;
    Piece piece = this_piece(rows * columns * 3);
    u8 *out = (u8 *)args.out + (long long)piece.row * rows * columns * 3;
    NO_UNROLL for (int i = 0; i < HELD; i++) {
        u32 place = place_of<1>(piece, i);
        if (place >= piece.end)
            break;
        u32 pixel = place / 3, colour = place % 3, row = pixel / columns, column = pixel - row * columns;
        long long source = ((long long)piece.row * args.height + row / patch) * args.width + column / patch;
        u32 channel = (colour * patch + column % patch) * patch + row % patch;
        float x = to_float(((const X *)args.x)[source * 3 * patch * patch + channel]);
        // fmaxf makes NaN 0.
        out[place] = (u8)rintf(fminf(fmaxf(fmaf(x, 0.5f, 0.5f), 0.f), 1.f) * 255.f);
    }
}

KERNEL(pixels_f32, ck_pixels_arguments, CK_PIECE_THREADS, 4) { pixels<float>(args); }
KERNEL(pixels_bf16, ck_pixels_arguments, CK_PIECE_THREADS, 4) { pixels<bf16>(args); }

// ---- Weights

template <typename X, typename Out> INLINE void pack_weight(const ck_pack_weight_arguments &args) {
    u32 width = (u32)args.in_padded;
    Piece piece = this_piece((u32)args.out_channels * width);
    NO_UNROLL for (int i = 0; i < HELD; i++) {
        u32 place = place_of<1>(piece, i);
        if (place >= piece.end)
            break;
        u32 o = place / width, in = place - o * width;
        float x = 0.f;
        if (in < (u32)args.in_channels)
            x = to_float(((const X *)args.x)[((long long)o * args.in_channels + in) * args.taps + piece.row]);
        from_float(x, ((Out *)args.out)[(long long)piece.row * args.out_channels * width + place]);
    }
}

#define PACK_KERNEL(name, X, Out)                                                                                      \
    KERNEL(name, ck_pack_weight_arguments, CK_PIECE_THREADS, 4) { pack_weight<X, Out>(args); }

PACK_KERNEL(pack_weight_f32_f32, float, float)
PACK_KERNEL(pack_weight_f32_bf16, float, bf16)
PACK_KERNEL(pack_weight_bf16_f32, bf16, float)
PACK_KERNEL(pack_weight_bf16_bf16, bf16, bf16)
PACK_KERNEL(pack_weight_f16_f32, f16, float)
PACK_KERNEL(pack_weight_f16_bf16, f16, bf16)
