// For POLLRDHUP.
#define _GNU_SOURCE

#include "cmicrohttpd.h"

#include <clibrary.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

// The ABI that the header of 0.9.60 to 1.0 describes.
static const char *const names[] = {"libmicrohttpd.so.12", NULL};

static CMicroHTTPD table;
static clib_failure failure;

#define CMH_RESOLVE(name)                                                                                              \
    if (!clib_find(handle, names[0], #name, &table.name, &failure)) {                                                  \
        return;                                                                                                        \
    }

static void open_library(void) {
    void *handle = clib_open(names, &failure);
    if (!handle) {
        return;
    }
    CMH_FUNCTIONS(CMH_RESOLVE)
}

const CMicroHTTPD *cmh_open(const char **library, const char **reason) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    *library = failure.name;
    *reason = failure.reason;
    return failure.name ? NULL : &table;
}

// Of a socket's number, written into the real-time signals that its thread has blocked; nobody sends any.
enum { socket_bits = 24 };

void cmh_sign_threads(int socket) {
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (int bit = 0; bit < socket_bits; bit++) {
        if ((socket + 1) >> bit & 1) {
            sigaddset(&blocked, SIGRTMIN + bit);
        } else {
            sigdelset(&blocked, SIGRTMIN + bit);
        }
    }
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
}

static int signed_socket(void) {
    sigset_t blocked;
    int number = 0;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (int bit = 0; bit < socket_bits; bit++) {
        number |= (sigismember(&blocked, SIGRTMIN + bit) == 1) << bit;
    }
    return number - 1;
}

// The same for every daemon of the process; the library hands its logger one pointer, which is the context.
static _Atomic(void (*)(void *, int, unsigned)) own_answer;

// Its log is the only place where the library tells that it is about to answer by itself.
static void hear(void *context, const char *format, va_list arguments) {
    static const char words[] = "Error processing request (HTTP response code is %u";
    void (*tell)(void *, int, unsigned) = atomic_load(&own_answer);
    if (tell && strncmp(format, words, sizeof words - 1) == 0) {
        tell(context, signed_socket(), va_arg(arguments, unsigned));
    }
}

// From 1.0 on a folded field is joined before anybody else can see it, unless the library is strict. Before that its
// strict level hangs up on what the gate answers.
static int strictness(const CMicroHTTPD *library) { return strncmp(library->MHD_get_version(), "0.", 2) == 0 ? 0 : 1; }

struct MHD_Daemon *cmh_start(const CMicroHTTPD *library, const CMHOptions *options) {
    // A thread for each connection: answers may block, and nothing is ever suspended, which 0.9.75 does not do well.
    const unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                           MHD_USE_ITC | MHD_USE_ERROR_LOG;
    atomic_store(&own_answer, options->own_answer);
    return library->MHD_start_daemon(
        flags, 0, NULL, NULL, options->access, options->context,
        // clang-format off
        MHD_OPTION_EXTERNAL_LOGGER, hear, options->context,
        MHD_OPTION_LISTEN_SOCKET, options->listen_socket,
        MHD_OPTION_URI_LOG_CALLBACK, options->target, options->context,
        MHD_OPTION_NOTIFY_COMPLETED, options->completed, options->context,
        MHD_OPTION_NOTIFY_CONNECTION, options->connection, options->context,
        MHD_OPTION_CONNECTION_LIMIT, options->connection_limit,
        MHD_OPTION_STRICT_FOR_CLIENT, strictness(library),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->connection_memory_bytes,
        MHD_OPTION_THREAD_STACK_SIZE, options->stack_bytes,
        // clang-format on
        MHD_OPTION_END);
}

int cmh_socket(const CMicroHTTPD *library, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        library->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

size_t cmh_header_bytes(const CMicroHTTPD *library, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        library->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

void cmh_each_header(const CMicroHTTPD *library, struct MHD_Connection *connection, MHD_KeyValueIteratorN visit,
                     void *context) {
    library->MHD_get_connection_values_n(connection, MHD_HEADER_KIND, visit, context);
}

// Where the field before the one in hand ended, and where the head does.
typedef struct Gap {
    const char *from;
    const char *end;
    int hides;
} Gap;

static int is_filler(char byte) { return byte == 0 || byte == '\r' || byte == '\n' || byte == ' ' || byte == '\t'; }

static void look(Gap *gap, const char *to) {
    for (const char *byte = gap->from; byte && byte < to && byte < gap->end; byte++) {
        gap->hides |= !is_filler(*byte);
    }
}

static enum MHD_Result next_field(void *context, enum MHD_ValueKind kind, const char *name, size_t name_count,
                                  const char *value, size_t value_count) {
    (void)kind, (void)name_count;
    Gap *gap = context;
    look(gap, name);
    const char *end = value ? value + value_count : name + name_count;
    // A folded line lies elsewhere; the gate sees the whole of it.
    gap->from = end >= name && end <= gap->end ? end : NULL;
    return MHD_YES;
}

int cmh_hides_bytes(const CMicroHTTPD *library, struct MHD_Connection *connection, const char *head,
                    const char *target_end, const char *version) {
    const char *end = head + cmh_header_bytes(library, connection);
    Gap gap = {.from = target_end, .end = end};
    if (target_end >= head && target_end <= version && version <= end) {
        look(&gap, version);
    }
    gap.from = NULL;
    library->MHD_get_connection_values_n(connection, MHD_HEADER_KIND, next_field, &gap);
    look(&gap, gap.end);
    return gap.hides;
}

struct MHD_Response *cmh_response(const CMicroHTTPD *library, const uint8_t *bytes, size_t count) {
    return library->MHD_create_response_from_buffer(count, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
}

struct MHD_Response *cmh_stream(const CMicroHTTPD *library, MHD_ContentReaderCallback read, void *context,
                                MHD_ContentReaderFreeCallback release) {
    return library->MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, read, context, release);
}

int cmh_is_gone(int socket) {
    struct pollfd entry = {.fd = socket, .events = POLLRDHUP};
    return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

int64_t cmh_moved_bytes(int socket) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) ||
        size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) {
        return -1;
    }
    return (int64_t)(info.tcpi_bytes_acked + info.tcpi_bytes_received);
}
