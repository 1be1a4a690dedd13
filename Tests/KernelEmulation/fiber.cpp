#include "fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef WITH_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// Saves what the calling convention preserves on the stack, exchanges stacks, restores.
extern "C" void emulation_switch(void **saved_stack_pointer, void *stack_pointer);
#if defined(__x86_64__)
asm(R"(
.text
.globl emulation_switch
.type emulation_switch, @function
emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulation_switch, . - emulation_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl emulation_switch
.type emulation_switch, %function
emulation_switch:
    sub sp, sp, #160
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
.size emulation_switch, . - emulation_switch
)");
#else
#error "the switch between fibers is written for x86-64 and aarch64"
#endif

namespace emulation {

namespace {

constexpr size_t guard_bytes = 16 << 10;
/// Stacks that began at equal offsets in their pages would all compete for the same few lines of the first-level cache.
constexpr size_t colour_bytes = 17 * 64, colours = 64;

#ifdef WITH_ADDRESS_SANITIZER
/// The stack that the first fiber was started from; AddressSanitizer tells it on arrival.
thread_local const void *outer_stack = nullptr;
thread_local size_t outer_bytes = 0;
#endif

} // namespace

void switch_fiber(Fiber &from, Fiber &to) {
#ifdef WITH_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&from.fake_stack, to.stack ? to.stack : outer_stack,
                                   to.stack ? Stacks::bytes : outer_bytes);
#endif
    emulation_switch(&from.stack_pointer, to.stack_pointer);
#ifdef WITH_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

void leave_fiber(Fiber &from, Fiber &to) {
#ifdef WITH_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(nullptr, to.stack ? to.stack : outer_stack, to.stack ? Stacks::bytes : outer_bytes);
#endif
    emulation_switch(&from.stack_pointer, to.stack_pointer);
    abort();
}

void arrive_on_new_fiber() {
#ifdef WITH_ADDRESS_SANITIZER
    const void *stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(nullptr, &stack, &bytes);
    if (!outer_stack) {
        outer_stack = stack;
        outer_bytes = bytes;
    }
#endif
}

Stacks::~Stacks() {
    for (char *stack : all)
        munmap(stack - guard_bytes, guard_bytes + bytes);
}

Fiber Stacks::start(void (*entry)()) {
    if (unused.empty()) {
        void *mapping = mmap(nullptr, guard_bytes + bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapping == MAP_FAILED)
            abort();
        mprotect(mapping, guard_bytes, PROT_NONE);
        all.push_back((char *)mapping + guard_bytes);
        unused.push_back(all.back());
        all.reserve(2 * all.size());
        unused.reserve(all.capacity());
    }
    Fiber fiber;
    fiber.stack = unused.back();
    unused.pop_back();
    size_t colour = (size_t)((uintptr_t)fiber.stack / bytes) % colours;
    void **top = (void **)(fiber.stack + bytes - colour * colour_bytes);
#if defined(__x86_64__)
    *--top = nullptr; // the return address of `entry`, which leaves the stack as a call would
    *--top = (void *)entry;
    top -= 6;
    memset(top, 0, 6 * sizeof *top);
#else
    top -= 20;
    memset(top, 0, 20 * sizeof *top);
    top[11] = (void *)entry;
#endif
    fiber.stack_pointer = top;
    return fiber;
}

void Stacks::give_back(Fiber &fiber) {
    unused.push_back(fiber.stack);
    fiber.stack = nullptr;
}

void Stacks::reset() {
    unused = all;
#ifdef WITH_ADDRESS_SANITIZER
    for (char *stack : all)
        __asan_unpoison_memory_region(stack, bytes);
#endif
}

bool Stacks::is_overflow(const void *address) const {
    for (char *stack : all)
        if ((const char *)address < stack && (const char *)address >= stack - guard_bytes)
            return true;
    return false;
}

} // namespace emulation
