#include "ccurl.h"

#include <clibrary.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static CCurl table;
static clib_failure failure;

// The same functions over OpenSSL and over GnuTLS; Debian installs either.
static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};

#define CCURL_RESOLVE(name)                                                                                            \
    if (!clib_find(library, names[0], #name, &table.name, &failure)) {                                                 \
        return;                                                                                                        \
    }

static void open_all(void) {
    void *library = clib_open(names, &failure);
    if (!library) {
        return;
    }
    CCURL_FUNCTIONS(CCURL_RESOLVE)
    if (table.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        failure = (clib_failure){names[0], "it cannot be initialised"};
    }
}

const CCurl *ccurl_open(const char **library, const char **reason) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_all);
    *library = failure.name;
    *reason = failure.reason;
    return failure.name ? NULL : &table;
}

CURLcode ccurl_set_number(const CCurl *curl, CURL *handle, CURLoption option, long value) {
    return curl->curl_easy_setopt(handle, option, value);
}

CURLcode ccurl_set_size(const CCurl *curl, CURL *handle, CURLoption option, curl_off_t value) {
    return curl->curl_easy_setopt(handle, option, value);
}

CURLcode ccurl_set_pointer(const CCurl *curl, CURL *handle, CURLoption option, const void *value) {
    return curl->curl_easy_setopt(handle, option, value);
}

CURLcode ccurl_set_text(const CCurl *curl, CURL *handle, CURLoption option, const char *value) {
    return curl->curl_easy_setopt(handle, option, value);
}

CURLcode ccurl_set_callbacks(const CCurl *curl, CURL *handle, ccurl_receiver header, ccurl_receiver body,
                             ccurl_monitor monitor, void *context) {
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                                             \
    if (code == CURLE_OK) {                                                                                            \
        code = curl->curl_easy_setopt(handle, option, value);                                                          \
    }
    SET(CURLOPT_HEADERFUNCTION, header)
    SET(CURLOPT_HEADERDATA, context)
    SET(CURLOPT_WRITEFUNCTION, body)
    SET(CURLOPT_WRITEDATA, context)
    SET(CURLOPT_XFERINFOFUNCTION, monitor)
    SET(CURLOPT_XFERINFODATA, context)
    SET(CURLOPT_NOPROGRESS, 0L)
#undef SET
    return code;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *peer) {
    const CCurlGate *gate = context;
    if (purpose != CURLSOCKTYPE_IPCXN || !gate->admits(gate->context, &peer->addr, peer->addrlen)) {
        return CURL_SOCKET_BAD;
    }
    return socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

CURLcode ccurl_set_gate(const CCurl *curl, CURL *handle, const CCurlGate *gate) {
    CURLcode code = curl->curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    return code == CURLE_OK ? curl->curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, gate) : code;
}

long ccurl_status(const CCurl *curl, CURL *handle) {
    long status = 0;
    curl->curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

int ccurl_was_connected(const CCurl *curl, CURL *handle) {
    curl_off_t microseconds = 0;
    curl->curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &microseconds);
    return microseconds > 0;
}

CURLcode ccurl_perform(const CCurl *curl, CURL *handle) {
    // A TLS library may write to a connection that the peer has closed; the signal would end a process that does not
    // ignore it.
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    CURLcode code = curl->curl_easy_perform(handle);
    if (!sigismember(&pending, SIGPIPE)) {
        const struct timespec at_once = {0, 0};
        while (sigtimedwait(&pipe, NULL, &at_once) > 0) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}
