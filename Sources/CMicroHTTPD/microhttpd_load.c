// For POLLRDHUP.
#define _GNU_SOURCE

#include "cmicrohttpd.h"

#include <clibrary.h>
#include <poll.h>
#include <pthread.h>

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

struct MHD_Daemon *cmh_start(const CMicroHTTPD *library, const CMHOptions *options) {
    // A thread for each connection: answers may block, and nothing is ever suspended, which 0.9.75 does not do well.
    const unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
    return library->MHD_start_daemon(
        flags, 0, NULL, NULL, options->access, options->context,
        // clang-format off
        MHD_OPTION_LISTEN_SOCKET, options->listen_socket,
        MHD_OPTION_URI_LOG_CALLBACK, options->target, options->context,
        MHD_OPTION_NOTIFY_COMPLETED, options->completed, options->context,
        MHD_OPTION_NOTIFY_CONNECTION, options->connection, options->context,
        MHD_OPTION_CONNECTION_LIMIT, options->connection_limit,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connection_limit_per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->connection_memory_bytes,
        MHD_OPTION_THREAD_STACK_SIZE, options->stack_bytes,
        // clang-format on
        MHD_OPTION_END);
}

void cmh_end_idle_limit(const CMicroHTTPD *library, struct MHD_Connection *connection) {
    library->MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
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
