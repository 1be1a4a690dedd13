#include "cffmpeg.h"

#include <clibrary.h>
#include <pthread.h>

#define SONAME_OF(name, major) "lib" #name ".so." #major
// The extra step expands the version macro before it is turned into text.
#define SONAME(name, major) SONAME_OF(name, major)

static CFFmpeg table;
static clib_failure failure;

#define CFF_RESOLVE(name)                                                                                              \
    if (!clib_find(handle, names[0], #name, &table.name, &failure)) {                                                  \
        return;                                                                                                        \
    }

// Of one major version alone: between them the layouts of structs differ.
#define CFF_OPEN(name, major, FUNCTIONS)                                                                               \
    do {                                                                                                               \
        static const char *const names[] = {SONAME(name, major), NULL};                                                \
        void *handle = clib_open(names, &failure);                                                                     \
        if (!handle) {                                                                                                 \
            return;                                                                                                    \
        }                                                                                                              \
        FUNCTIONS(CFF_RESOLVE)                                                                                         \
    } while (0)

// In order of dependence, so that the first failure names the library that is missing.
static void open_all(void) {
    CFF_OPEN(avutil, LIBAVUTIL_VERSION_MAJOR, CFF_AVUTIL);
    CFF_OPEN(swscale, LIBSWSCALE_VERSION_MAJOR, CFF_SWSCALE);
    CFF_OPEN(avcodec, LIBAVCODEC_VERSION_MAJOR, CFF_AVCODEC);
    CFF_OPEN(avformat, LIBAVFORMAT_VERSION_MAJOR, CFF_AVFORMAT);
}

const CFFmpeg *cff_open(const char **library, const char **reason) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_all);
    *library = failure.name;
    *reason = failure.reason;
    return failure.name ? NULL : &table;
}

void cff_picture_from_rgb(const CFFmpeg *ffmpeg, struct SwsContext *scaler, const uint8_t *rgb, int stride, int rows,
                          AVFrame *picture) {
    const uint8_t *planes[4] = {rgb};
    const int strides[4] = {stride};
    ffmpeg->sws_scale(scaler, planes, strides, 0, rows, picture->data, picture->linesize);
}

void cff_rgb_from_picture(const CFFmpeg *ffmpeg, struct SwsContext *scaler, const AVFrame *picture, uint8_t *rgb,
                          int stride) {
    uint8_t *planes[4] = {rgb};
    const int strides[4] = {stride};
    ffmpeg->sws_scale(scaler, (const uint8_t *const *)picture->data, picture->linesize, 0, picture->height, planes,
                      strides);
}
