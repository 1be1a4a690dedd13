// Function addresses that belong to one machine: for each place that a machine can have, the functions of all three
// libraries exist once as a template instance.

#include "fake_machine.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace fake {

namespace {

constexpr int slots = 32;
Machine *machine_in_slot[slots];
std::mutex slots_mutex;
std::condition_variable slot_free;

const char *const names[] = {
#define NAME(name, arguments) #name,
    CK_DRIVER_FUNCTIONS(NAME) CK_NVRTC_FUNCTIONS(NAME) CK_CUBLASLT_FUNCTIONS(NAME)
#undef NAME
};
#define COUNT(name, arguments) +1
constexpr int driver_count = 0 CK_DRIVER_FUNCTIONS(COUNT);
constexpr int nvrtc_count = 0 CK_NVRTC_FUNCTIONS(COUNT);
#undef COUNT

/// What a call that is made to fail does all the same.
template <typename... Arguments> void fail(Machine &, Arguments...) {}

/// A recording is over however its end fares.
void fail(Machine &machine, CUstream stream, CUgraph *) { cuStreamEndCapture(machine, stream, nullptr); }

template <int Number, auto Body> struct Entry;
template <int Number, typename... Arguments, int (*Body)(Machine &, Arguments...)> struct Entry<Number, Body> {
    /// Not inlined: there are two thousand callers to compile.
    __attribute__((noinline)) static int run(int slot, Arguments... arguments) {
        Machine *machine = machine_in_slot[slot];
        if (!machine) {
            fprintf(stderr, "%s is called after fake_cuda_destroy\n", names[Number]);
            abort();
        }
        std::lock_guard lock(machine->mutex);
        int result = machine->begin(Number);
        if (result)
            fail(*machine, arguments...);
        else
            result = Body(*machine, arguments...);
        machine->end(Number, result);
        return result;
    }
    template <int Slot> static int call(Arguments... arguments) { return run(Slot, arguments...); }
    template <int... Slot> static void *address(int slot, std::integer_sequence<int, Slot...>) {
        static int (*const all[])(Arguments...) = {&call<Slot>...};
        return (void *)all[slot];
    }
};

using Address = void *(*)(int slot);
const Address addresses[] = {
#define ADDRESS(name, arguments)                                                                                       \
    [](int slot) { return Entry<number_of_##name, &name>::address(slot, std::make_integer_sequence<int, slots>()); },
    CK_DRIVER_FUNCTIONS(ADDRESS) CK_NVRTC_FUNCTIONS(ADDRESS) CK_CUBLASLT_FUNCTIONS(ADDRESS)
#undef ADDRESS
};

} // namespace

int function_number(const std::string &name) {
    for (int i = 0; i < function_count; i++)
        if (name == names[i])
            return i;
    return -1;
}

} // namespace fake

using namespace fake;

fake_cuda *fake_cuda_create(const fake_cuda_config *config) {
    fake_cuda *machine = new fake_cuda(*config);
    std::unique_lock lock(slots_mutex);
    while (true) {
        for (int i = 0; i < slots; i++) {
            if (!machine_in_slot[i]) {
                machine_in_slot[i] = machine;
                machine->slot = i;
                return machine;
            }
        }
        slot_free.wait(lock);
    }
}

void fake_cuda_destroy(fake_cuda *machine) {
    {
        std::lock_guard lock(slots_mutex);
        machine_in_slot[machine->slot] = nullptr;
    }
    slot_free.notify_one();
    delete machine;
}

void *fake_cuda_symbol(void *context, const char *symbol) {
    Machine &machine = *(fake_cuda *)context;
    std::lock_guard lock(machine.mutex);
    int number = function_number(symbol);
    if (number < 0 || machine.hidden.count(symbol))
        return nullptr;
    bool of_nvrtc = number >= driver_count && number < driver_count + nvrtc_count;
    bool of_cublaslt = number >= driver_count + nvrtc_count;
    if ((of_nvrtc && !machine.config.nvrtc_major) || (of_cublaslt && !machine.config.cublaslt))
        return nullptr;
    if (number == number_of_cuTensorMapEncodeTiled && machine.config.driver_version < 12000)
        return nullptr;
    return addresses[number](machine.slot);
}

size_t fake_cuda_function_count(void) { return function_count; }
const char *fake_cuda_function_name(size_t index) { return index < function_count ? names[index] : nullptr; }
