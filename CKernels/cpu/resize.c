// Frames enlarged by repeating pixels, frames or channels, and at last made bytes.
#include "kernels.h"

struct resize {
    char *out;
    const char *x;
    ptrdiff_t columns; // of a row, or pixels of a frame
    size_t pixel, row; // bytes
};

static void upsample_row(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct resize *r = context;
    const char *x = r->x + (size_t)index * r->row;
    char *out = r->out + (size_t)index * r->row * 4;
    for (ptrdiff_t i = 0; i < r->columns; i++) {
        memcpy(out + (size_t)i * 2 * r->pixel, x + (size_t)i * r->pixel, r->pixel);
        memcpy(out + (size_t)(i * 2 + 1) * r->pixel, x + (size_t)i * r->pixel, r->pixel);
    }
    memcpy(out + 2 * r->row, out, 2 * r->row);
}

void ck_upsample2x(void *out, const void *x, ck_dtype dtype, ptrdiff_t frames, ptrdiff_t height, ptrdiff_t width,
                   ptrdiff_t channels, ck_pool *pool) {
    size_t pixel = (size_t)channels * ck_size(dtype);
    struct resize r = {.out = out, .x = x, .columns = width, .pixel = pixel, .row = (size_t)width * pixel};
    ck_parallel_for(pool, frames * height, upsample_row, &r);
}

enum { interleave_piece = 64 };

static void interleave_pixels(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct resize *r = context;
    ptrdiff_t pieces = ck_ceil_div(r->columns, interleave_piece), frame = index / pieces;
    ptrdiff_t first = index % pieces * interleave_piece, end = ck_min(first + interleave_piece, r->columns);
    for (ptrdiff_t i = first; i < end; i++) {
        const char *x = r->x + (size_t)(frame * r->columns + i) * 2 * r->pixel;
        memcpy(r->out + (size_t)(2 * frame * r->columns + i) * r->pixel, x, r->pixel);
        memcpy(r->out + (size_t)((2 * frame + 1) * r->columns + i) * r->pixel, x + r->pixel, r->pixel);
    }
}

void ck_interleave_frames(void *out, const void *x, ck_dtype dtype, ptrdiff_t frames, ptrdiff_t pixels,
                          ptrdiff_t channels, ck_pool *pool) {
    struct resize r = {.out = out, .x = x, .columns = pixels, .pixel = (size_t)channels * ck_size(dtype)};
    ck_parallel_for(pool, frames * ck_ceil_div(pixels, interleave_piece), interleave_pixels, &r);
}

struct repeated_up {
    void *out;
    const void *x;
    ck_dtype out_dtype, x_dtype;
    ck_repeated_up up;
    void (*add)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
};

/// Adds to one output pixel, which is at `place` of its source pixel's time · space².
static void add_channels(const struct repeated_up *s, char *out, const char *x, ptrdiff_t place) {
    enum { most_channels = 256 };
    float gathered[most_channels];
    ptrdiff_t places = s->up.time * s->up.space * s->up.space;
    ptrdiff_t repeats = s->up.out_channels * places / s->up.in_channels;
    for (ptrdiff_t first = 0; first < s->up.out_channels; first += most_channels) {
        ptrdiff_t count = ck_min(most_channels, s->up.out_channels - first);
        // (channel · places + place) / repeats, without a division for each channel.
        ptrdiff_t source = (first * places + place) / repeats, rest = (first * places + place) % repeats;
        for (ptrdiff_t i = 0; i < count; i++) {
            gathered[i] = ck_load(x, s->x_dtype, source);
            source += places / repeats;
            rest += places % repeats;
            if (rest >= repeats) {
                rest -= repeats;
                source++;
            }
        }
        ck_elements e = {.out = out + (size_t)first * ck_size(s->out_dtype), .x = gathered};
        e.out_dtype = s->out_dtype;
        e.x_dtype = CK_DTYPE_F32;
        s->add(&e, 0, count);
    }
}

/// One row of output pixels.
static void add_repeated_row(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct repeated_up *s = context;
    const ck_repeated_up *u = &s->up;
    ptrdiff_t rows = u->height * u->space, columns = u->width * u->space;
    ptrdiff_t frame = index / rows + u->skip, row = index % rows;
    size_t out_pixel = (size_t)u->out_channels * ck_size(s->out_dtype);
    size_t x_pixel = (size_t)u->in_channels * ck_size(s->x_dtype);
    const char *x = (const char *)s->x + (size_t)((frame / u->time * u->height + row / u->space) * u->width) * x_pixel;
    char *out = (char *)s->out + (size_t)(index * columns) * out_pixel;
    bool same = u->in_channels == u->out_channels;
    for (ptrdiff_t column = 0; column < columns; column++, out += out_pixel) {
        ck_elements e = {.out = out, .x = x + (size_t)(column / u->space) * x_pixel};
        e.out_dtype = s->out_dtype;
        e.x_dtype = s->x_dtype;
        ptrdiff_t place = (frame % u->time * u->space + row % u->space) * u->space + column % u->space;
        if (same)
            s->add(&e, 0, u->out_channels);
        else
            add_channels(s, out, e.x, place);
    }
}

void ck_add_repeated_up(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const ck_repeated_up *up,
                        ck_pool *pool) {
    struct repeated_up s = {out, x, out_dtype, x_dtype, *up, ck_kernels(pool)->add};
    ck_parallel_for(pool, (up->frames * up->time - up->skip) * up->height * up->space, add_repeated_row, &s);
}

struct pixels {
    uint8_t *out;
    const void *x;
    ck_dtype x_dtype;
    ptrdiff_t width, patch;
};

/// One row of output pixels.
static void pixel_row(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct pixels *s = context;
    ptrdiff_t area = s->patch * s->patch, x = index / s->patch * s->width * 3 * area + index % s->patch;
    uint8_t *out = s->out + index * s->width * s->patch * 3;
    for (ptrdiff_t column = 0; column < s->width; column++, x += 3 * area)
        for (ptrdiff_t pw = 0; pw < s->patch; pw++)
            for (ptrdiff_t c = 0; c < 3; c++) {
                float value = ck_load(s->x, s->x_dtype, x + c * area + pw * s->patch) * 0.5f + 0.5f;
                value = (value > 0 ? value < 1 ? value : 1 : 0) * 255; // NaN becomes 0
                // Beside 1.5 · 2²³ there is room for whole numbers only.
                value += 0x1.8p23f;
                uint32_t bits;
                memcpy(&bits, &value, sizeof bits);
                *out++ = (uint8_t)bits;
            }
}

void ck_pixels(uint8_t *out, const void *x, ck_dtype x_dtype, ptrdiff_t frames, ptrdiff_t height, ptrdiff_t width,
               ptrdiff_t patch, ck_pool *pool) {
    struct pixels s = {out, x, x_dtype, width, patch};
    ck_parallel_for(pool, frames * height * patch, pixel_row, &s);
}
