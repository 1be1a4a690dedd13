// Elementwise operations, bound by memory: a block computes CK_PIECE neighbouring elements, and a thread loads all of
// its vectors of V elements before it uses the first.

/// The relative error of the reciprocals is below that of expf.
struct Silu {
    INLINE float of(float x) { return x * reciprocal_approx(1.f + expf(-x)); }
};
struct GeluErf {
    INLINE float of(float x) { return 0.5f * x * (1.f + erff(x * 0.70710678f)); }
};
struct GeluQuick {
    INLINE float of(float x) { return x * reciprocal_approx(1.f + expf(-1.702f * x)); }
};
struct Same {
    INLINE float of(float x) { return x; }
};
/// x (1 + tanh u) / 2 = x / (1 + e⁻²ᵘ), u = √(2/π) (x + 0.044715 x³).
struct GeluTanh {
    INLINE float of(float x) {
        float u = fmaf(0.044715f * x * x, x, x) * 1.5957691216f;
        return x * reciprocal_approx(1.f + expf(-u));
    }
};

/// The elements of this block.
struct Piece {
    long long first;
    int count;
};

INLINE Piece this_piece(long long count) {
    Piece piece;
    piece.first = (long long)block_x() * CK_PIECE;
    long long left = count - piece.first;
    piece.count = left < CK_PIECE ? (int)left : CK_PIECE;
    return piece;
}

/// Where this thread's i-th vector of V elements begins in the piece.
template <int V> INLINE int place_of(int i) { return (i * CK_PIECE_THREADS + thread_index()) * V; }

enum { HELD = CK_PIECE / CK_PIECE_THREADS }; // elements of a thread

/// A thread's elements of a piece; those behind its end stay as they are.
template <typename X, int V> INLINE void load(ck_address from, const Piece &piece, Vector<X, V> (&x)[HELD / V]) {
    UNROLL for (int i = 0; i < HELD / V; i++) {
        if (place_of<V>(i) < piece.count)
            x[i] = *(const Vector<X, V> *)((const X *)from + piece.first + place_of<V>(i));
    }
}

template <typename Out, int V>
INLINE void store(ck_address to, const Piece &piece, const Vector<Out, V> (&y)[HELD / V]) {
    UNROLL for (int i = 0; i < HELD / V; i++) {
        if (place_of<V>(i) < piece.count)
            *(Vector<Out, V> *)((Out *)to + piece.first + place_of<V>(i)) = y[i];
    }
}

template <typename F, typename X, typename Out, int V> INLINE void map(const ck_elementwise_arguments &args) {
    Piece piece = this_piece(args.count);
    Vector<X, V> x[HELD / V];
    Vector<Out, V> y[HELD / V];
    load(args.x, piece, x);
    UNROLL for (int i = 0; i < HELD / V; i++) {
        UNROLL for (int j = 0; j < V; j++) from_float(F::of(to_float(x[i].v[j])), y[i].v[j]);
    }
    store(args.out, piece, y);
}

/// By vectors of 16 bytes of the wider dtype where all arrays are aligned to them and end with one.
template <typename F, typename X, typename Out> INLINE void map(const ck_elementwise_arguments &args) {
    enum { V = 16 / (sizeof(X) > sizeof(Out) ? sizeof(X) : sizeof(Out)) };
    if (args.count % V == 0 && (args.x | args.out) % 16 == 0)
        map<F, X, Out, V>(args);
    else
        map<F, X, Out, 1>(args);
}

#define MAP_KERNEL(name, F, X, Out)                                                                                    \
    KERNEL(name, ck_elementwise_arguments, CK_PIECE_THREADS, 4) { map<F, X, Out>(args); }

MAP_KERNEL(silu_f32_f32, Silu, float, float)
MAP_KERNEL(silu_f32_bf16, Silu, float, bf16)
MAP_KERNEL(silu_bf16_f32, Silu, bf16, float)
MAP_KERNEL(silu_bf16_bf16, Silu, bf16, bf16)
MAP_KERNEL(gelu_erf_f32_f32, GeluErf, float, float)
MAP_KERNEL(gelu_erf_f32_bf16, GeluErf, float, bf16)
MAP_KERNEL(gelu_erf_bf16_f32, GeluErf, bf16, float)
MAP_KERNEL(gelu_erf_bf16_bf16, GeluErf, bf16, bf16)
MAP_KERNEL(gelu_quick_f32_f32, GeluQuick, float, float)
MAP_KERNEL(gelu_quick_f32_bf16, GeluQuick, float, bf16)
MAP_KERNEL(gelu_quick_bf16_f32, GeluQuick, bf16, float)
MAP_KERNEL(gelu_quick_bf16_bf16, GeluQuick, bf16, bf16)
MAP_KERNEL(gelu_tanh_f32_f32, GeluTanh, float, float)
MAP_KERNEL(gelu_tanh_f32_bf16, GeluTanh, float, bf16)
MAP_KERNEL(gelu_tanh_bf16_f32, GeluTanh, bf16, float)
MAP_KERNEL(gelu_tanh_bf16_bf16, GeluTanh, bf16, bf16)
MAP_KERNEL(convert_f32_bf16, Same, float, bf16)
MAP_KERNEL(convert_f32_f16, Same, float, f16)
MAP_KERNEL(convert_bf16_f32, Same, bf16, float)
MAP_KERNEL(convert_bf16_f16, Same, bf16, f16)
MAP_KERNEL(convert_f16_f32, Same, f16, float)
MAP_KERNEL(convert_f16_bf16, Same, f16, bf16)

// ---- Of several arrays

struct GeluGate {
    INLINE float of(float gate, float x) { return GeluTanh::of(gate) * x; }
};
struct Sum {
    INLINE float of(float x, float y) { return x + y; }
};

template <typename F, typename X, int V> INLINE void join(const ck_elementwise_arguments &args) {
    Piece piece = this_piece(args.count);
    Vector<X, V> x[HELD / V], y[HELD / V];
    load(args.x, piece, x);
    load(args.y, piece, y);
    UNROLL for (int i = 0; i < HELD / V; i++) {
        UNROLL for (int j = 0; j < V; j++) from_float(F::of(to_float(x[i].v[j]), to_float(y[i].v[j])), y[i].v[j]);
    }
    store(args.out, piece, y);
}

template <typename F, typename X> INLINE void join(const ck_elementwise_arguments &args) {
    enum { V = 16 / sizeof(X) };
    if (args.count % V == 0 && (args.x | args.y | args.out) % 16 == 0)
        join<F, X, V>(args);
    else
        join<F, X, 1>(args);
}

#define JOIN_KERNEL(name, F, X)                                                                                        \
    KERNEL(name, ck_elementwise_arguments, CK_PIECE_THREADS, 4) { join<F, X>(args); }

JOIN_KERNEL(gelu_gate_f32, GeluGate, float)
JOIN_KERNEL(gelu_gate_bf16, GeluGate, bf16)
JOIN_KERNEL(add_f32, Sum, float)
JOIN_KERNEL(add_bf16, Sum, bf16)

/// Sets the byte at out where one of its elements is no finite number, and leaves it where all are.
template <typename X, int V> INLINE void flag_non_finite(const ck_elementwise_arguments &args) {
    Piece piece = this_piece(args.count);
    Vector<X, V> x[HELD / V];
    load(args.x, piece, x);
    bool found = false;
    UNROLL for (int i = 0; i < HELD / V; i++) {
        if (place_of<V>(i) < piece.count) {
            UNROLL for (int j = 0; j < V; j++) {
                found |= (bits_of_float(to_float(x[i].v[j])) & 0x7f800000u) == 0x7f800000u;
            }
        }
    }
    if (found)
        *(u8 *)args.out = 1;
}

template <typename X> INLINE void flag_non_finite(const ck_elementwise_arguments &args) {
    enum { V = 16 / sizeof(X) };
    if (args.count % V == 0 && args.x % 16 == 0)
        flag_non_finite<X, V>(args);
    else
        flag_non_finite<X, 1>(args);
}

KERNEL(flag_non_finite_f32, ck_elementwise_arguments, CK_PIECE_THREADS, 4) { flag_non_finite<float>(args); }
KERNEL(flag_non_finite_bf16, ck_elementwise_arguments, CK_PIECE_THREADS, 4) { flag_non_finite<bf16>(args); }

template <int V> INLINE void combine_terms(const ck_combine_arguments &args) {
    Piece piece = this_piece(args.count);
    Vector<float, V> sum[HELD / V];
    UNROLL for (int i = 0; i < HELD / V; i++) { UNROLL for (int j = 0; j < V; j++) sum[i].v[j] = 0.f; }
    UNROLL for (int term = 0; term < 4; term++) {
        if (term >= args.terms)
            continue;
        Vector<float, V> x[HELD / V];
        load(args.term[term], piece, x);
        UNROLL for (int i = 0; i < HELD / V; i++) {
            UNROLL for (int j = 0; j < V; j++) sum[i].v[j] = fmaf(args.factor[term], x[i].v[j], sum[i].v[j]);
        }
    }
    store(args.out, piece, sum);
}

KERNEL(combine, ck_combine_arguments, CK_PIECE_THREADS, 4) {
    ck_address places = args.out;
    UNROLL for (int term = 0; term < 4; term++) {
        if (term < args.terms)
            places |= args.term[term];
    }
    if (args.count % 4 == 0 && places % 16 == 0)
        combine_terms<4>(args);
    else
        combine_terms<1>(args);
}
