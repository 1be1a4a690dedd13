#include "cffmpeg.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#define SONAME_OF(name, major) "lib" #name ".so." #major
// The extra step expands the version macro before it is turned into text.
#define SONAME(name, major) SONAME_OF(name, major)

static CFFmpeg table;
static const char *failed_library;
static char failure[512];

static void fail(const char *soname) {
    const char *text = dlerror();
    failed_library = soname;
    snprintf(failure, sizeof failure, "%s", text ? text : "no reason given");
}

#define CFF_RESOLVE(name)                                                                                              \
    if (!(*(void **)&table.name = dlsym(handle, #name))) {                                                             \
        return fail(soname);                                                                                           \
    }

#define CFF_OPEN(name, major, FUNCTIONS)                                                                               \
    do {                                                                                                               \
        const char *soname = SONAME(name, major);                                                                      \
        void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);                                                          \
        if (!handle) {                                                                                                 \
            return fail(soname);                                                                                       \
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
    *library = failed_library;
    *reason = failure;
    return failed_library ? NULL : &table;
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
