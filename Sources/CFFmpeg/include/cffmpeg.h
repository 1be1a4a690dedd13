// FFmpeg, opened at run time. Its types, constants and struct layouts come from the headers of the build machine; its
// functions come from the libraries of the same major versions, found with dlopen. So the binary starts without loading
// FFmpeg's hundred libraries, and runs where there are none.
#ifndef CFFMPEG_H
#define CFFMPEG_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/error.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <stddef.h>

// clang-format off
#define CFF_AVUTIL(X)                                                                                                  \
    X(av_version_info) X(av_log_set_level) X(av_strerror) X(av_opt_set_int) X(av_dict_set) X(av_dict_get)              \
    X(av_dict_free) X(av_frame_alloc) X(av_frame_free) X(av_frame_get_buffer) X(av_frame_make_writable)
#define CFF_AVCODEC(X)                                                                                                 \
    X(avcodec_find_encoder_by_name) X(avcodec_find_decoder) X(avcodec_alloc_context3) X(avcodec_free_context)          \
    X(avcodec_open2) X(avcodec_send_frame) X(avcodec_receive_packet) X(avcodec_send_packet) X(avcodec_receive_frame)   \
    X(avcodec_parameters_from_context) X(avcodec_parameters_to_context) X(av_packet_alloc) X(av_packet_free)           \
    X(av_packet_unref) X(av_packet_rescale_ts) X(av_new_packet)
#define CFF_AVFORMAT(X)                                                                                                \
    X(avformat_alloc_output_context2) X(avformat_new_stream) X(avformat_write_header) X(av_interleaved_write_frame)    \
    X(av_write_trailer) X(avformat_free_context) X(avio_open) X(avio_flush) X(avio_closep) X(avformat_open_input)      \
    X(avformat_find_stream_info) X(av_read_frame) X(avformat_close_input)
#define CFF_SWSCALE(X)                                                                                                 \
    X(sws_alloc_context) X(sws_init_context) X(sws_freeContext) X(sws_getCoefficients) X(sws_setColorspaceDetails)     \
    X(sws_scale)
// clang-format on

/// One pointer for each FFmpeg function in use, under the function's own name.
typedef struct CFFmpeg {
#define CFF_FIELD(name) __typeof__(name) *_Nonnull name;
    CFF_AVUTIL(CFF_FIELD) CFF_AVCODEC(CFF_FIELD) CFF_AVFORMAT(CFF_FIELD) CFF_SWSCALE(CFF_FIELD)
#undef CFF_FIELD
} CFFmpeg;

/// The functions of the libraries on this machine, opened at the first call; thread-safe. Where a library is missing:
/// NULL, its file name in `library` and the dynamic linker's reason in `reason` (both live for ever).
const CFFmpeg *_Nullable cff_open(const char *_Nullable *_Nonnull library, const char *_Nullable *_Nonnull reason);

/// Converts `rows` rows of packed RGB into `picture`, and a picture into packed RGB; `stride` in bytes.
void cff_picture_from_rgb(const CFFmpeg *_Nonnull ffmpeg, struct SwsContext *_Nonnull scaler,
                          const uint8_t *_Nonnull rgb, int stride, int rows, AVFrame *_Nonnull picture);
void cff_rgb_from_picture(const CFFmpeg *_Nonnull ffmpeg, struct SwsContext *_Nonnull scaler,
                          const AVFrame *_Nonnull picture, uint8_t *_Nonnull rgb, int stride);

// Macros with casts or arithmetic, which Swift does not import.
static inline int cff_error_again(void) { return AVERROR(EAGAIN); }
static inline int cff_error_end_of_file(void) { return AVERROR_EOF; }
static inline int cff_error_out_of_memory(void) { return AVERROR(ENOMEM); }
static inline int cff_error_not_implemented(void) { return AVERROR_PATCHWELCOME; }
static inline int cff_quality(int scale) { return FF_QP2LAMBDA * scale; }

#endif
