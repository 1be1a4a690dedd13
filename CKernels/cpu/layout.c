// Numbers that go to another place: table rows, patches, planes of channels.
#include "kernels.h"

struct embedding {
    ck_elements rows;
    const int32_t *ids;
    void (*convert)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
};

static void gather_row(void *context, ptrdiff_t row, int thread) {
    (void)thread;
    const struct embedding *s = context;
    ck_elements e = s->rows;
    e.out = (char *)e.out + (size_t)(row * e.count) * ck_size(e.out_dtype);
    e.x = (const char *)e.x + (size_t)(s->ids[row] * e.count) * ck_size(e.x_dtype);
    s->convert(&e, 0, e.count);
}

void ck_embedding(void *out, ck_dtype out_dtype, const void *table, ck_dtype table_dtype, const int32_t *ids,
                  ptrdiff_t count, ptrdiff_t width, ck_pool *pool) {
    struct embedding e = {.ids = ids, .convert = ck_kernels(pool)->convert};
    e.rows = (ck_elements){.out = out, .x = table, .out_dtype = out_dtype, .x_dtype = table_dtype, .count = width};
    ck_parallel_for(pool, count, gather_row, &e);
}

struct patches {
    void *out;
    const void *x;
    ck_dtype dtype; // of the tokens
    ck_patches p;
    ptrdiff_t rows, columns, token_width;
};

/// One row of tokens: all x at one (frame, y).
static void patchify_row(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct patches *s = context;
    const ck_patches *p = &s->p;
    const float *x = s->x;
    ptrdiff_t frame = index / s->rows * p->patch_frames, y = index % s->rows * p->patch_height;
    for (ptrdiff_t column = 0; column < s->columns; column++) {
        ptrdiff_t out = (index * s->columns + column) * s->token_width;
        for (ptrdiff_t c = 0; c < p->channels; c++)
            for (ptrdiff_t pt = 0; pt < p->patch_frames; pt++)
                for (ptrdiff_t ph = 0; ph < p->patch_height; ph++) {
                    ptrdiff_t line = ((c * p->frames + frame + pt) * p->height + y + ph) * p->width;
                    for (ptrdiff_t pw = 0; pw < p->patch_width; pw++)
                        ck_store(s->out, s->dtype, out++, x[line + column * p->patch_width + pw]);
                }
    }
}

static void unpatchify_row(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct patches *s = context;
    const ck_patches *p = &s->p;
    float *out = s->out;
    ptrdiff_t frame = index / s->rows * p->patch_frames, y = index % s->rows * p->patch_height;
    for (ptrdiff_t c = 0; c < p->channels; c++)
        for (ptrdiff_t pt = 0; pt < p->patch_frames; pt++)
            for (ptrdiff_t ph = 0; ph < p->patch_height; ph++) {
                ptrdiff_t line = ((c * p->frames + frame + pt) * p->height + y + ph) * p->width;
                ptrdiff_t place = (pt * p->patch_height + ph) * p->patch_width;
                ptrdiff_t x = index * s->columns * s->token_width + place * p->channels + c;
                for (ptrdiff_t column = 0; column < s->columns; column++, x += s->token_width)
                    for (ptrdiff_t pw = 0; pw < p->patch_width; pw++)
                        out[line++] = ck_load(s->x, s->dtype, x + pw * p->channels);
            }
}

static void for_token_rows(ck_body body, struct patches s, ck_pool *pool) {
    s.rows = s.p.height / s.p.patch_height;
    s.columns = s.p.width / s.p.patch_width;
    ck_parallel_for(pool, s.p.frames / s.p.patch_frames * s.rows, body, &s);
}

void ck_patchify(void *out, ck_dtype out_dtype, const float *x, const ck_patches *patches, ptrdiff_t out_width,
                 ck_pool *pool) {
    for_token_rows(patchify_row,
                   (struct patches){.out = out, .x = x, .dtype = out_dtype, .p = *patches, .token_width = out_width},
                   pool);
}

void ck_unpatchify(float *out, const void *x, ck_dtype x_dtype, const ck_patches *patches, ck_pool *pool) {
    ptrdiff_t width = patches->channels * patches->patch_frames * patches->patch_height * patches->patch_width;
    for_token_rows(unpatchify_row,
                   (struct patches){.out = out, .x = x, .dtype = x_dtype, .p = *patches, .token_width = width}, pool);
}

struct channels_last {
    void *out;
    ck_dtype out_dtype;
    const float *x, *gain, *offset;
    ptrdiff_t frame, channels, frames, pixels;
};

enum { pixel_piece = 256 };

static void channels_last_piece(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct channels_last *s = context;
    ptrdiff_t end = ck_min((index + 1) * pixel_piece, s->pixels);
    for (ptrdiff_t c = 0; c < s->channels; c++) {
        const float *x = s->x + (c * s->frames + s->frame) * s->pixels;
        for (ptrdiff_t pixel = index * pixel_piece; pixel < end; pixel++)
            ck_store(s->out, s->out_dtype, pixel * s->channels + c, x[pixel] * s->gain[c] + s->offset[c]);
    }
}

void ck_channels_last(void *out, ck_dtype out_dtype, const float *x, const float *gain, const float *offset,
                      ptrdiff_t frame, ptrdiff_t channels, ptrdiff_t frames, ptrdiff_t pixels, ck_pool *pool) {
    struct channels_last s = {out, out_dtype, x, gain, offset, frame, channels, frames, pixels};
    ck_parallel_for(pool, ck_ceil_div(pixels, pixel_piece), channels_last_piece, &s);
}
