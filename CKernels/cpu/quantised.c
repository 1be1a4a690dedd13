// The formats of quantised numbers; what reads them is in simd_dequantise.h.
#include "kernels.h"

struct format {
    ptrdiff_t numbers, bytes;
};

static struct format format_of(ck_format format) {
    switch (format) {
    case CK_FORMAT_Q4_0:
        return (struct format){32, 18};
    case CK_FORMAT_Q4_1:
        return (struct format){32, 20};
    case CK_FORMAT_Q5_0:
        return (struct format){32, 22};
    case CK_FORMAT_Q5_1:
        return (struct format){32, 24};
    case CK_FORMAT_Q8_0:
        return (struct format){32, 34};
    case CK_FORMAT_Q2_K:
        return (struct format){256, 84};
    case CK_FORMAT_Q3_K:
        return (struct format){256, 110};
    case CK_FORMAT_Q4_K:
        return (struct format){256, 144};
    case CK_FORMAT_Q5_K:
        return (struct format){256, 176};
    case CK_FORMAT_Q6_K:
        return (struct format){256, 210};
    case CK_FORMAT_IQ4_NL:
        return (struct format){32, 18};
    case CK_FORMAT_IQ4_XS:
        return (struct format){256, 136};
    case CK_FORMAT_E4M3:
    case CK_FORMAT_E5M2:
    case CK_FORMAT_INT8:
        break;
    }
    return (struct format){1, 1};
}

ptrdiff_t ck_format_numbers(ck_format format) { return format_of(format).numbers; }
ptrdiff_t ck_format_bytes(ck_format format) { return format_of(format).bytes; }

struct rows {
    float *out;
    const ck_quantised *w;
    const struct ck_kernels *kernels;
    ptrdiff_t first, end, piece;
};

static void dequantise_rows(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct rows *r = context;
    ptrdiff_t first = r->first + index * r->piece, end = ck_min(first + r->piece, r->end), k = r->w->columns;
    for (ptrdiff_t row = first; row < end; row++)
        r->kernels->dequantise(r->w, row, 0, k, r->out + (row - r->first) * k);
}

void ck_dequantise(float *out, const ck_quantised *w, ptrdiff_t first, ptrdiff_t count, ck_pool *pool) {
    enum { piece = 16384 };
    struct rows rows = {.out = out,
                        .w = w,
                        .kernels = ck_kernels(pool),
                        .first = first,
                        .end = first + count,
                        .piece = ck_max(piece / ck_max(w->columns, 1), 1)};
    if (count > 0 && w->columns > 0)
        ck_parallel_for(pool, ck_ceil_div(count, rows.piece), dequantise_rows, &rows);
}
