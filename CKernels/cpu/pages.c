// Large blocks of memory in pages of 2 MB.
#define _GNU_SOURCE
#include "ckernels.h"
#include <stdint.h>
#include <sys/mman.h>

enum { huge_page = 2 << 20 };

static void *map_at(void *place, size_t bytes, int flags) {
    void *pages = mmap(place, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void *ck_pages_map(size_t bytes) {
    char *first = bytes <= SIZE_MAX - huge_page ? map_at(NULL, bytes + huge_page, 0) : NULL;
    if (!first)
        return NULL;
    size_t skipped = -(uintptr_t)first & (huge_page - 1);
    if (skipped > 0)
        munmap(first, skipped);
    munmap(first + skipped + bytes, huge_page - skipped);
    // A refusal costs nothing but speed.
    madvise(first + skipped, bytes, MADV_HUGEPAGE);
    return first + skipped;
}

ptrdiff_t ck_pages_move(void *to, void *from, size_t bytes) {
    ptrdiff_t moved = 0;
    // One at a time, because what was moved here before may have come from several places.
    for (; (size_t)moved + huge_page <= bytes; moved += huge_page) {
        char *place = (char *)to + moved;
        if (mremap((char *)from + moved, huge_page, huge_page, MREMAP_MAYMOVE | MREMAP_FIXED, place) != MAP_FAILED)
            continue;
        // The place may have lost its own page already.
        if (!map_at(place, huge_page, MAP_FIXED))
            return -1;
        madvise(place, huge_page, MADV_HUGEPAGE);
        break;
    }
    return moved;
}
