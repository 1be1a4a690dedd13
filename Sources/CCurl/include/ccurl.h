// libcurl, opened at run time as FFmpeg is: types and constants from the headers of the build machine, functions from
// the library of the same ABI found with dlopen. So the binary starts without it and runs where there is none.
#ifndef CCURL_H
#define CCURL_H

// The type-checking macros would stand in the way of calls through a table.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <netinet/in.h>
#include <stddef.h>

// clang-format off
#define CCURL_FUNCTIONS(X)                                                                                             \
    X(curl_global_init) X(curl_version) X(curl_easy_init) X(curl_easy_cleanup) X(curl_easy_reset) X(curl_easy_setopt)  \
    X(curl_easy_getinfo) X(curl_easy_perform) X(curl_easy_strerror) X(curl_slist_append) X(curl_slist_free_all)        \
    X(curl_mime_init) X(curl_mime_addpart) X(curl_mime_name) X(curl_mime_data) X(curl_mime_filename) X(curl_mime_type) \
    X(curl_mime_free)
// clang-format on

/// One pointer for each libcurl function in use, under the function's own name.
typedef struct CCurl {
#define CCURL_FIELD(name) __typeof__(name) *_Nonnull name;
    CCURL_FUNCTIONS(CCURL_FIELD)
#undef CCURL_FIELD
} CCurl;

/// The functions of the library on this machine, opened and initialised at the first call; thread-safe. Where it is
/// missing: NULL, its file name in `library` and the reason in `reason` (both live for ever).
const CCurl *_Nullable ccurl_open(const char *_Nullable *_Nonnull library, const char *_Nullable *_Nonnull reason);

/// Takes received bytes; answers how many it took, any other number than `count` ends the transfer.
typedef size_t (*ccurl_receiver)(char *_Nonnull bytes, size_t size, size_t count, void *_Nullable context);

/// Asked about once a second and whenever bytes move; anything but 0 ends the transfer.
typedef int (*ccurl_monitor)(void *_Nullable context, curl_off_t expected, curl_off_t received, curl_off_t to_send,
                             curl_off_t sent);

/// Whether this peer may be connected to.
typedef int (*ccurl_gate)(void *_Nullable context, const struct sockaddr *_Nonnull peer, socklen_t length);

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call.
CURLcode ccurl_set_number(const CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option, long value);
CURLcode ccurl_set_size(const CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_pointer(const CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option,
                           const void *_Nullable value);
CURLcode ccurl_set_text(const CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option,
                        const char *_Nonnull value);

/// What is called during a transfer, all with the same context, which is borrowed until the transfer ends.
CURLcode ccurl_set_callbacks(const CCurl *_Nonnull curl, CURL *_Nonnull handle, ccurl_receiver _Nonnull header,
                             ccurl_receiver _Nonnull body, ccurl_monitor _Nonnull monitor, void *_Nonnull context);

/// Every peer is put to `gate` before a socket for it is opened; `gate` and its context are borrowed.
typedef struct CCurlGate {
    ccurl_gate _Nonnull admits;
    void *_Nullable context;
} CCurlGate;
CURLcode ccurl_set_gate(const CCurl *_Nonnull curl, CURL *_Nonnull handle, const CCurlGate *_Nonnull gate);

long ccurl_status(const CCurl *_Nonnull curl, CURL *_Nonnull handle);

/// Whether a connection was made, so that something may have been sent.
int ccurl_was_connected(const CCurl *_Nonnull curl, CURL *_Nonnull handle);

/// curl_easy_perform with SIGPIPE kept from the process.
CURLcode ccurl_perform(const CCurl *_Nonnull curl, CURL *_Nonnull handle);

#endif
