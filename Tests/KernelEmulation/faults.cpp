// Instructions of kernels that the CPU refuses: addresses outside every array, and what the sanitizers that the kernels
// are compiled with trap. The thread's block ends with a violation; the process goes on.

#include "machine.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define WITH_ADDRESS_SANITIZER 1
#endif
#endif

namespace emulation {

namespace {

constexpr int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP};
constexpr int signal_count = sizeof signals / sizeof *signals;
struct sigaction previous[signal_count];

/// What the handler leaves for report_fault.
struct Fault {
    int number;
    const void *address;
    unsigned char instruction[5];
    bool overflow;
};
thread_local Fault fault;

/// What a trap of -fsanitize-trap is about: its kind is in the instruction (ud1l kind(%eax), %eax).
const char *trap_text(const unsigned char (&instruction)[5]) {
    const unsigned char trap[] = {0x67, 0x0f, 0xb9, 0x40};
    if (memcmp(instruction, trap, sizeof trap))
        return "undefined behaviour";
    switch (instruction[4]) { // the order of clang's enum SanitizerHandler
    case 0x00:
    case 0x0c:
    case 0x0d:
    case 0x15:
        return "an integer overflows";
    case 0x03:
        return "a division by zero";
    case 0x12:
        return "an index is outside its array";
    case 0x14:
        return "a shift by more than the number has bits";
    case 0x16:
        return "a misaligned or null address";
    default:
        return "undefined behaviour";
    }
}

void report(const Lane &lane) {
    bool is_address = fault.number == SIGSEGV || fault.number == SIGBUS;
    const char *what = fault.overflow ? "the thread's stack is full"
                       : is_address   ? "an address outside every array"
                                      : trap_text(fault.instruction);
    std::string detail = is_address ? text("%p", fault.address) : "";
    if (lane.place.file)
        detail += text("%safter the word at line %d", is_address ? ", " : "", lane.place.line);
    Launch &launch = *lane.warp->block->worker->launch;
    if (is_address && !fault.overflow) {
        std::lock_guard<std::mutex> lock(launch.mutex);
        launch.faults.push_back(fault.address);
    }
    violation(lane, "kernel", {nullptr, 0}, what, detail);
}

/// Goes on here after the handler, at the top of the faulty thread's stack.
[[noreturn]] void report_fault() {
    report(*current);
    stop_block();
}

void handle(int number, siginfo_t *information, void *context) {
    int index = 0;
    while (signals[index] != number)
        index++;
    Lane *lane = current;
    if (!lane || !lane->fiber.stack) {
        // Not a kernel's: the instruction runs again and meets the handler that was there before.
        sigaction(number, &previous[index], nullptr);
        return;
    }
    fault = {};
    fault.number = number;
    fault.address = information->si_addr;
    fault.overflow = number == SIGSEGV && lane->warp->block->worker->stacks.is_overflow(information->si_addr);
    ucontext_t &registers = *(ucontext_t *)context;
    char *top = lane->fiber.stack + Stacks::bytes;
#if defined(__x86_64__)
    if (number == SIGILL)
        memcpy(fault.instruction, (const void *)registers.uc_mcontext.gregs[REG_RIP], sizeof fault.instruction);
    registers.uc_mcontext.gregs[REG_RSP] = (greg_t)(top - 8); // as after a call
    registers.uc_mcontext.gregs[REG_RIP] = (greg_t)report_fault;
#else
    registers.uc_mcontext.sp = (unsigned long long)top;
    registers.uc_mcontext.pc = (unsigned long long)report_fault;
#endif
#ifdef WITH_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(lane->fiber.stack, Stacks::bytes); // of the frames that are left for good
#endif
}

} // namespace

void catch_faults() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action = {};
        action.sa_sigaction = handle;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        for (int i = 0; i < signal_count; i++)
            sigaction(signals[i], &action, &previous[i]);
    });
}

SignalStack::SignalStack() {
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

SignalStack::~SignalStack() { munmap(memory, bytes); }

void SignalStack::install() {
    stack_t own = {};
    own.ss_sp = memory;
    own.ss_size = bytes;
    sigaltstack(&own, &outer);
}

void SignalStack::uninstall() { sigaltstack(&outer, nullptr); }

} // namespace emulation
