#include "cstartpage.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char page[] = {
#embed "page/start.html"
};
static const unsigned char style[] = {
#embed "page/start.css"
};
static const unsigned char server[] = {
#embed "page/server.js"
};
static const unsigned char clips[] = {
#embed "page/clips.js"
};
static const unsigned char start[] = {
#embed "page/start.js"
};
static const unsigned char router_page[] = {
#embed "page/router.html"
};
static const unsigned char router[] = {
#embed "page/router.js"
};

#define FILE_AT(path, media_type, bytes)                                                                               \
    { path, media_type, bytes, sizeof bytes }

static const cstartpage_file files[] = {
    FILE_AT("/", "text/html; charset=utf-8", page),
    FILE_AT("/start.css", "text/css; charset=utf-8", style),
    FILE_AT("/server.js", "text/javascript; charset=utf-8", server),
    FILE_AT("/clips.js", "text/javascript; charset=utf-8", clips),
    FILE_AT("/start.js", "text/javascript; charset=utf-8", start),
    FILE_AT("/router.html", "text/html; charset=utf-8", router_page),
    FILE_AT("/router.js", "text/javascript; charset=utf-8", router),
};

const cstartpage_file *cstartpage_files(size_t *count) {
    *count = sizeof files / sizeof files[0];
    return files;
}

const char *cstartpage_policy(void) {
    return "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
           "img-src 'self' blob: data:; media-src 'self' blob:; "
           "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}
