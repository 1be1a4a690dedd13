// libmicrohttpd, opened at run time: its types come from the header of the build machine, its functions from the
// library found with dlopen, so that the binary starts where there is none.
#ifndef CMICROHTTPD_H
#define CMICROHTTPD_H

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

// clang-format off
#define CMH_FUNCTIONS(X)                                                                                               \
    X(MHD_get_version) X(MHD_start_daemon) X(MHD_quiesce_daemon) X(MHD_stop_daemon) X(MHD_get_connection_info)         \
    X(MHD_get_connection_values_n) X(MHD_queue_response)                                                               \
    X(MHD_create_response_from_buffer) X(MHD_create_response_from_callback)                                            \
    X(MHD_create_response_from_fd_at_offset64) X(MHD_add_response_header) X(MHD_destroy_response)
// clang-format on

/// One pointer for each function in use, under the function's own name.
typedef struct CMicroHTTPD {
#define CMH_FIELD(name) __typeof__(name) *_Nonnull name;
    CMH_FUNCTIONS(CMH_FIELD)
#undef CMH_FIELD
} CMicroHTTPD;

/// The functions of the library on this machine, opened at the first call; thread-safe. Where it is missing: NULL, its
/// file name in `library` and the dynamic linker's reason in `reason` (both live for ever).
const CMicroHTTPD *_Nullable cmh_open(const char *_Nullable *_Nonnull library, const char *_Nullable *_Nonnull reason);

/// What a daemon is started with. Every callback gets `context`.
typedef struct CMHOptions {
    /// Listens already; the daemon's own from a successful start on.
    int listen_socket;
    unsigned connection_limit;
    /// Of one connection: its header fields and its read and write buffers.
    size_t connection_memory_bytes;
    size_t stack_bytes;
    void *_Nonnull context;
    /// Its result is the request's own pointer, which `access` and `completed` get. The text is the target as sent.
    void *_Nonnull (*_Nonnull target)(void *_Nonnull context, const char *_Nullable target,
                                      struct MHD_Connection *_Nonnull connection);
    enum MHD_Result (*_Nonnull access)(void *_Nonnull context, struct MHD_Connection *_Nonnull connection,
                                       const char *_Nonnull path, const char *_Nonnull method,
                                       const char *_Nonnull version, const char *_Nullable upload,
                                       size_t *_Nonnull upload_bytes, void *_Nullable *_Nonnull request);
    void (*_Nonnull completed)(void *_Nonnull context, struct MHD_Connection *_Nonnull connection,
                               void *_Nullable *_Nonnull request, enum MHD_RequestTerminationCode reason);
    /// The library is about to answer a request by itself, without asking, on the connection's own thread.
    void (*_Nonnull own_answer)(void *_Nonnull context, int socket, unsigned status);
    /// A connection begins or is gone.
    void (*_Nonnull connection)(void *_Nonnull context, struct MHD_Connection *_Nonnull connection,
                                void *_Nullable *_Nonnull slot, enum MHD_ConnectionNotificationCode what);
} CMHOptions;

/// Starts a daemon with a thread for each connection; NULL where the library refuses.
struct MHD_Daemon *_Nullable cmh_start(const CMicroHTTPD *_Nonnull library, const CMHOptions *_Nonnull options);

/// Threads that the calling one makes from now on are this socket's: they inherit its signal mask, where the socket's
/// number is written. The library says nowhere else whose thread it is.
void cmh_sign_threads(int socket);

/// -1 where the library does not say.
int cmh_socket(const CMicroHTTPD *_Nonnull library, struct MHD_Connection *_Nonnull connection);

/// Of the request's first line and its header fields.
size_t cmh_header_bytes(const CMicroHTTPD *_Nonnull library, struct MHD_Connection *_Nonnull connection);

/// Whether a zero byte hides the end of the target or of a header field's value; `head` is where the request's method
/// begins.
int cmh_hides_bytes(const CMicroHTTPD *_Nonnull library, struct MHD_Connection *_Nonnull connection,
                    const char *_Nonnull head, const char *_Nullable target_end, const char *_Nonnull version);

/// Hands over every header field with its lengths.
void cmh_each_header(const CMicroHTTPD *_Nonnull library, struct MHD_Connection *_Nonnull connection,
                     MHD_KeyValueIteratorN _Nonnull visit, void *_Nonnull context);

/// A copy of `bytes` as an answer.
struct MHD_Response *_Nullable cmh_response(const CMicroHTTPD *_Nonnull library, const uint8_t *_Nullable bytes,
                                            size_t count);
/// An answer of unknown length that `read` writes piece by piece; `release` frees its context.
struct MHD_Response *_Nullable cmh_stream(const CMicroHTTPD *_Nonnull library, MHD_ContentReaderCallback _Nonnull read,
                                          void *_Nonnull context, MHD_ContentReaderFreeCallback _Nonnull release);

/// Whether the other side has ended the connection.
int cmh_is_gone(int socket);

/// How many bytes have come and have arrived over there since the connection began; -1 where the system does not say.
int64_t cmh_moved_bytes(int socket);

// What Swift does not import: macros with casts, and the cases of a closed enum.
static inline int cmh_begins(enum MHD_ConnectionNotificationCode what) { return what == MHD_CONNECTION_NOTIFY_STARTED; }
static inline ssize_t cmh_end_of_stream(void) { return MHD_CONTENT_READER_END_OF_STREAM; }

#endif
