// Arrays between pages that nobody may touch.

#include "include/kernel_emulation.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr size_t granule = 16; ///< what copies of 16 bytes and vectors are aligned to

size_t page_bytes() { return (size_t)getpagesize(); }
size_t rounded(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

} // namespace

void *emulation_allocate(size_t bytes) {
    size_t page = page_bytes(), used = rounded(bytes, granule), open = rounded(used, page);
    void *mapping = mmap(nullptr, open + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        return nullptr;
    char *start = (char *)mapping + page;
    mprotect(start, open, PROT_READ | PROT_WRITE);
    memset(start, 0xff, open); // NaN in every format
    return start + open - used;
}

void emulation_free(void *memory, size_t bytes) {
    size_t page = page_bytes(), used = rounded(bytes, granule), open = rounded(used, page);
    if (memory)
        munmap((char *)memory + used - open - page, open + 2 * page);
}
