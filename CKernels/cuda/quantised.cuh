// Quantised numbers to f32 or bf16, bound by memory: a block computes CK_PIECE neighbours, a thread a number a turn. No
// product is fused with a sum, so that the numbers are those of the reference, as on the CPU.

INLINE float half_at(const u8 *b) {
    f16 x;
    x.bits = (u16)(b[0] | b[1] << 8);
    return to_float(x);
}

/// A level times the scale at `b`, and, where there is one, plus the offset behind it.
INLINE float scaled(const u8 *b, int level) { return exact_product(half_at(b), (float)level); }
INLINE float scaled_and_moved(const u8 *b, int level) { return exact_sum(scaled(b, level), half_at(b + 2)); }

/// d · scale · level - least · offset.
INLINE float scaled_twice(const u8 *b, int scale, int offset, int level) {
    float value = exact_product(exact_product(half_at(b), (float)scale), (float)level);
    return exact_sum(value, -exact_product(half_at(b + 2), (float)offset));
}

// Number i of the blocks at `data`.

struct Q4_0 {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 32 * 18;
        int j = (int)(i % 32);
        return scaled(b, (b[2 + j % 16] >> j / 16 * 4 & 15) - 8);
    }
};
struct Q4_1 {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 32 * 20;
        int j = (int)(i % 32);
        return scaled_and_moved(b, b[4 + j % 16] >> j / 16 * 4 & 15);
    }
};
/// Bit i of the bytes at b, as a fifth bit.
INLINE int fifth_bit(const u8 *b, int i) { return (b[i / 8] >> i % 8 & 1) << 4; }

struct Q5_0 {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 32 * 22;
        int j = (int)(i % 32);
        return scaled(b, ((b[6 + j % 16] >> j / 16 * 4 & 15) | fifth_bit(b + 2, j)) - 16);
    }
};
struct Q5_1 {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 32 * 24;
        int j = (int)(i % 32);
        return scaled_and_moved(b, (b[8 + j % 16] >> j / 16 * 4 & 15) | fifth_bit(b + 4, j));
    }
};
struct Q8_0 {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 32 * 34;
        return scaled(b, (signed char)b[2 + i % 32]);
    }
};
struct Q2_K {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 256 * 84;
        int j = (int)(i % 256), scale = b[j / 16];
        int level = b[16 + j / 128 * 32 + j % 32] >> j % 128 / 32 * 2 & 3;
        return scaled_twice(b + 80, scale & 15, scale >> 4, level);
    }
};
struct Q3_K {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 256 * 110, *s = b + 96;
        int j = (int)(i % 256), group = j / 16;
        int scale = ((s[group % 8] >> group / 8 * 4 & 15) | (s[8 + group % 4] >> group / 4 * 2 & 3) << 4) - 32;
        int level = (b[32 + j / 128 * 32 + j % 32] >> j % 128 / 32 * 2 & 3) - (b[j % 32] >> j / 32 & 1 ? 0 : 4);
        return exact_product(exact_product(half_at(b + 108), (float)scale), (float)level);
    }
};

/// The scale and offset, of 6 bits each, for numbers 32 i to 32 i + 31 of a block.
INLINE int six_bit_scale(const u8 *s, int i) { return i < 4 ? s[i] & 63 : (s[i + 4] & 15) | s[i - 4] >> 6 << 4; }
INLINE int six_bit_offset(const u8 *s, int i) { return i < 4 ? s[i + 4] & 63 : s[i + 4] >> 4 | s[i] >> 6 << 4; }

struct Q4_K {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 256 * 144;
        int j = (int)(i % 256), group = j / 32;
        int level = b[16 + j / 64 * 32 + j % 32] >> group % 2 * 4 & 15;
        return scaled_twice(b, six_bit_scale(b + 4, group), six_bit_offset(b + 4, group), level);
    }
};
struct Q5_K {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 256 * 176;
        int j = (int)(i % 256), group = j / 32;
        int level = (b[48 + j / 64 * 32 + j % 32] >> group % 2 * 4 & 15) | (b[16 + j % 32] >> group & 1) << 4;
        return scaled_twice(b, six_bit_scale(b + 4, group), six_bit_offset(b + 4, group), level);
    }
};
struct Q6_K {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 256 * 210;
        int j = (int)(i % 256), scale = (signed char)b[192 + j / 16];
        int low = b[j / 128 * 64 + j % 64] >> j % 128 / 64 * 4 & 15;
        int high = b[128 + j / 128 * 32 + j % 32] >> j % 128 / 32 * 2 & 3;
        return exact_product(exact_product(half_at(b + 208), (float)scale), (float)((low | high << 4) - 32));
    }
};

/// What 4 bits stand for: levels that lie closer where weights are more, a byte each, the first one lowest.
INLINE int uneven_level(int code) {
    u64 bytes = code < 8 ? 0xf6eaddcfbfad9881ull : 0x7159453526190d01ull;
    return (signed char)(bytes >> code % 8 * 8 & 0xff);
}

struct IQ4_NL {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 32 * 18;
        int j = (int)(i % 32);
        return scaled(b, uneven_level(b[2 + j % 16] >> j / 16 * 4 & 15));
    }
};
struct IQ4_XS {
    INLINE float of(const u8 *data, long long i) {
        const u8 *b = data + i / 256 * 136;
        int j = (int)(i % 256), group = j / 32;
        int scale = ((b[4 + group / 2] >> group % 2 * 4 & 15) | (b[2 + group / 4] >> group % 4 * 2 & 3) << 4) - 32;
        int level = uneven_level(b[8 + group * 16 + j % 16] >> j % 32 / 16 * 4 & 15);
        return exact_product(exact_product(half_at(b), (float)scale), (float)level);
    }
};

/// An f16 whose exponent is 8 too small.
struct F8_E4M3 {
    INLINE float of(const u8 *data, long long i) {
        f16 x;
        x.bits = (u16)((data[i] & 0x80) << 8 | (data[i] & 0x7f) << 7);
        return (data[i] & 0x7f) == 0x7f ? float_of_bits(0x7fc00000u) : to_float(x) * 256.f;
    }
};
/// The upper half of an f16.
struct F8_E5M2 {
    INLINE float of(const u8 *data, long long i) {
        f16 x;
        x.bits = (u16)(data[i] << 8);
        return to_float(x);
    }
};
struct I8 {
    INLINE float of(const u8 *data, long long i) { return (float)(signed char)data[i]; }
};

template <typename Format, typename Out> INLINE void dequantise(const ck_dequantise_arguments &args) {
    long long end = args.first + args.count;
    NO_UNROLL for (int turn = 0; turn < CK_PIECE / CK_PIECE_THREADS; turn++) {
        long long i = args.first + (long long)block_x() * CK_PIECE + turn * CK_PIECE_THREADS + thread_index();
        if (i >= end)
            return;
        float value = Format::of((const u8 *)args.x, i);
        if (args.scales) {
            long long runs = (args.columns + args.scale_columns - 1) / args.scale_columns;
            long long tile = (i / args.columns + args.scale_rows_above) / args.scale_rows;
            long long place = tile * runs + i % args.columns / args.scale_columns;
            value = exact_product(value, ((const float *)args.scales)[place]);
        }
        from_float(value, ((Out *)args.out)[i - args.first]);
    }
}

#define DEQUANTISE_KERNELS(Format)                                                                                     \
    KERNEL(dequantise_##Format##_f32, ck_dequantise_arguments, CK_PIECE_THREADS, 4) {                                  \
        dequantise<Format, float>(args);                                                                               \
    }                                                                                                                  \
    KERNEL(dequantise_##Format##_bf16, ck_dequantise_arguments, CK_PIECE_THREADS, 4) {                                 \
        dequantise<Format, bf16>(args);                                                                                \
    }

DEQUANTISE_KERNELS(Q4_0)
DEQUANTISE_KERNELS(Q4_1)
DEQUANTISE_KERNELS(Q5_0)
DEQUANTISE_KERNELS(Q5_1)
DEQUANTISE_KERNELS(Q8_0)
DEQUANTISE_KERNELS(Q2_K)
DEQUANTISE_KERNELS(Q3_K)
DEQUANTISE_KERNELS(Q4_K)
DEQUANTISE_KERNELS(Q5_K)
DEQUANTISE_KERNELS(Q6_K)
DEQUANTISE_KERNELS(IQ4_NL)
DEQUANTISE_KERNELS(IQ4_XS)
DEQUANTISE_KERNELS(F8_E4M3)
DEQUANTISE_KERNELS(F8_E5M2)
DEQUANTISE_KERNELS(I8)
