#include "fake_machine.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace fake {

void Clock::raise(size_t stream, uint32_t tick) {
    if (stream >= at.size())
        at.resize(stream + 1);
    at[stream] = std::max(at[stream], tick);
}

void Clock::join(const Clock &other) {
    for (size_t i = 0; i < other.at.size(); i++)
        raise(i, other.at[i]);
}

/// What NVRTC of a version compiles for, as its nvrtcGetSupportedArchs says.
static std::vector<int> supported_architectures(int major, int minor) {
    if (major <= 11)
        return {35, 37, 50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};
    if (major == 12 && minor < 8)
        return {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};
    if (major == 12)
        return {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90, 100, 101, 103, 120, 121};
    return {75, 80, 86, 87, 88, 89, 90, 100, 103, 107, 110, 120, 121};
}

/// Bytes of shared memory that a block can have by asking (CUDA programming guide, compute capabilities).
int Device::shared_bytes_optin() const {
    if (major == 9 || major == 10)
        return 227 << 10;
    if (major == 8 && (minor == 0 || minor == 7))
        return 163 << 10;
    return 99 << 10;
}

Machine::Machine(const fake_cuda_config &config) : config(config), random(config.seed), calls(function_count, 0) {
    if (config.nvrtc_architectures)
        architectures.assign(config.nvrtc_architectures, config.nvrtc_architectures + config.nvrtc_architecture_count);
    else
        architectures = supported_architectures(config.nvrtc_major, config.nvrtc_minor);
    for (int i = 0; i < config.gpus; i++) {
        auto device = std::make_unique<Device>();
        device->ordinal = i;
        device->name = config.name;
        device->major = config.compute_major;
        device->minor = config.compute_minor;
        device->multiprocessors = config.multiprocessors;
        device->memory_bytes = config.memory_bytes;
        devices.push_back(std::move(device));
    }
}

// ---- Book keeping

void Machine::violate(const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    violations.push_back(text);
}

int Machine::begin(int function) {
    calls[function]++;
    log.push_back({function, 0});
    for (size_t i = 0; i < losses.size();) {
        if (losses[i].calls_left-- <= 0) {
            losses[i].device->error = losses[i].error;
            losses.erase(losses.begin() + (long)i);
        } else {
            i++;
        }
    }
    int result = 0;
    for (size_t i = 0; i < faults.size();) {
        if (faults[i].function == function && --faults[i].calls_left == 0) {
            result = faults[i].error;
            auto found = current.find(std::this_thread::get_id());
            if (faults[i].sticky && found != current.end() && found->second)
                found->second->error = result;
            faults.erase(faults.begin() + (long)i);
        } else {
            i++;
        }
    }
    return result;
}

void Machine::end(int function, int result) {
    // Another thread's call cannot have come between: the lock is held.
    if (!log.empty() && log.back().function == function)
        log.back().result = result;
}

static std::string line(const char *format, size_t count) {
    char text[128];
    snprintf(text, sizeof text, format, count);
    return text;
}

std::vector<std::string> Machine::leaks() const {
    std::vector<std::string> found;
    auto count = [&](size_t number, const char *format) {
        if (number)
            found.push_back(line(format, number));
    };
    for (const auto &device : devices) {
        for (const auto &[base, allocation] : device->allocations) {
            if (!allocation.freed)
                found.push_back("GPU " + std::to_string(device->ordinal) + ": " + std::to_string(allocation.bytes) +
                                " bytes of memory");
        }
        if (device->retained)
            found.push_back("GPU " + std::to_string(device->ordinal) + ": primary context retained " +
                            std::to_string(device->retained) + " times");
    }
    for (const auto &[base, bytes] : pinned)
        found.push_back(std::to_string(bytes) + " bytes of pinned memory");
    size_t null_streams = 0;
    for (const auto &device : devices)
        null_streams += device->null_stream != nullptr;
    count(streams.count() - null_streams, "%zu streams");
    count(events.count(), "%zu events");
    count(graphs.count(), "%zu graphs");
    count(executables.count(), "%zu executable graphs");
    count(modules.count(), "%zu modules");
    count(programs.count(), "%zu NVRTC programs");
    count(lt_handles.count(), "%zu cuBLASLt handles");
    count(lt_descriptions.count(), "%zu cuBLASLt descriptions");
    count(lt_layouts.count(), "%zu cuBLASLt layouts");
    count(lt_preferences.count(), "%zu cuBLASLt preferences");
    return found;
}

} // namespace fake

using namespace fake;

fake_cuda_config fake_cuda_defaults(int compute_major, int compute_minor) {
    fake_cuda_config config = {};
    config.name = "Fake GPU";
    config.gpus = 1;
    config.compute_major = compute_major;
    config.compute_minor = compute_minor;
    config.multiprocessors = 2;
    config.memory_bytes = uint64_t(1) << 30;
    config.driver_version = 12090;
    config.nvrtc_major = 12;
    config.nvrtc_minor = 9;
    config.cublaslt = 1;
    config.memory_pools = 1;
    config.schedule = FAKE_SCHEDULE_LATE;
    config.seed = 1;
    return config;
}

void fake_cuda_hide(fake_cuda *machine, const char *symbol) {
    std::lock_guard lock(machine->mutex);
    machine->hidden.insert(symbol);
}

void fake_cuda_set_gpu(fake_cuda *machine, int gpu, const char *name, int compute_major, int compute_minor,
                       int multiprocessors, uint64_t memory_bytes) {
    std::lock_guard lock(machine->mutex);
    Device &device = *machine->devices.at((size_t)gpu);
    device.name = name;
    device.major = compute_major;
    device.minor = compute_minor;
    device.multiprocessors = multiprocessors;
    device.memory_bytes = memory_bytes;
}

void fake_cuda_set_taken(fake_cuda *machine, int gpu, uint64_t bytes) {
    std::lock_guard lock(machine->mutex);
    machine->devices.at((size_t)gpu)->taken = bytes;
}

// ---- What went wrong

void fake_cuda_finish(fake_cuda *machine) {
    std::lock_guard lock(machine->mutex);
    machine->run_all();
    for (const std::string &leak : machine->leaks())
        machine->violate("not given back: %s", leak.c_str());
}

size_t fake_cuda_violation_count(fake_cuda *machine) {
    std::lock_guard lock(machine->mutex);
    return machine->violations.size() - machine->violations_forgotten;
}

const char *fake_cuda_violation(fake_cuda *machine, size_t index) {
    std::lock_guard lock(machine->mutex);
    size_t place = index + machine->violations_forgotten;
    return place < machine->violations.size() ? machine->violations[place].c_str() : nullptr;
}

void fake_cuda_forget_violations(fake_cuda *machine) {
    std::lock_guard lock(machine->mutex);
    machine->violations_forgotten = machine->violations.size();
}

const char *fake_cuda_leaks(fake_cuda *machine) {
    std::lock_guard lock(machine->mutex);
    machine->leak_text.clear();
    for (const std::string &leak : machine->leaks())
        machine->leak_text += leak + "\n";
    return machine->leak_text.c_str();
}

size_t fake_cuda_leak_count(fake_cuda *machine) {
    std::lock_guard lock(machine->mutex);
    return machine->leaks().size();
}

// ---- What was called

size_t fake_cuda_calls(fake_cuda *machine, const char *function) {
    std::lock_guard lock(machine->mutex);
    int number = function_number(function);
    return number < 0 ? 0 : machine->calls[(size_t)number];
}

size_t fake_cuda_log_length(fake_cuda *machine) {
    std::lock_guard lock(machine->mutex);
    return machine->log.size();
}

const char *fake_cuda_log_function(fake_cuda *machine, size_t index) {
    std::lock_guard lock(machine->mutex);
    return index < machine->log.size() ? fake_cuda_function_name((size_t)machine->log[index].function) : nullptr;
}

int fake_cuda_log_result(fake_cuda *machine, size_t index) {
    std::lock_guard lock(machine->mutex);
    return index < machine->log.size() ? machine->log[index].result : 0;
}

size_t fake_cuda_kernel_runs(fake_cuda *machine, const char *kernel) {
    std::lock_guard lock(machine->mutex);
    size_t runs = 0;
    for (const auto &[name, count] : machine->kernel_runs)
        runs += !kernel || name == kernel ? count : 0;
    return runs;
}

uint64_t fake_cuda_used_bytes(fake_cuda *machine, int gpu) {
    std::lock_guard lock(machine->mutex);
    return machine->devices.at((size_t)gpu)->pool.used;
}

uint64_t fake_cuda_peak_bytes(fake_cuda *machine, int gpu) {
    std::lock_guard lock(machine->mutex);
    return machine->devices.at((size_t)gpu)->pool.peak;
}

void fake_cuda_remember(fake_cuda *machine) {
    std::lock_guard lock(machine->mutex);
    machine->remembers = true;
    machine->past.clear();
}

size_t fake_cuda_copies_without_work(fake_cuda *machine, size_t *count) {
    std::lock_guard lock(machine->mutex);
    return machine->copies_without_work(*count);
}

size_t fake_cuda_pending(fake_cuda *machine) {
    std::lock_guard lock(machine->mutex);
    size_t pending = 0;
    for (const Stream *stream : machine->queues)
        pending += stream->queue.size();
    return pending;
}

// ---- What shall go wrong

void fake_cuda_fail_call(fake_cuda *machine, const char *function, int nth, int error, int sticky) {
    std::lock_guard lock(machine->mutex);
    int number = function_number(function);
    if (number < 0)
        machine->violate("fake_cuda_fail_call: no function is called %s", function);
    machine->faults.push_back({number, nth, error, sticky != 0});
}

void fake_cuda_fail_kernel(fake_cuda *machine, int nth, int error) {
    std::lock_guard lock(machine->mutex);
    machine->kernels_until_fault = nth;
    machine->kernel_error = error;
}

void fake_cuda_doom_kernel(fake_cuda *machine, const char *kernel, int error) {
    std::lock_guard lock(machine->mutex);
    machine->doomed[kernel] = error;
}

void fake_cuda_lose_gpu(fake_cuda *machine, int gpu, int calls, int error) {
    std::lock_guard lock(machine->mutex);
    machine->losses.push_back({machine->devices.at((size_t)gpu).get(), calls, error});
}

void fake_cuda_fail_compilation(fake_cuda *machine, const char *part, const char *log) {
    std::lock_guard lock(machine->mutex);
    machine->broken_programs.push_back({part, log});
}

void fake_cuda_set_spill(fake_cuda *machine, const char *kernel, int stack_bytes, int spill_bytes,
                         const char *diagnostic) {
    std::lock_guard lock(machine->mutex);
    machine->spills[kernel ? kernel : ""] = {stack_bytes, spill_bytes, diagnostic ? diagnostic : ""};
}

void fake_cuda_set_no_algorithms(fake_cuda *machine, int none) {
    std::lock_guard lock(machine->mutex);
    machine->no_algorithms = none != 0;
}
