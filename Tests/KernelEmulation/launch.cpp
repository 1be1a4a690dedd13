// Kernels by name, launches, and what they found.

#include "asynchrony.h"

#include <algorithm>
#include <memory>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <thread>

struct emulation_result {
    std::vector<const void *> faults;
    std::vector<std::string> violations;
    std::vector<emulation_site> sites;
    emulation_counters counters;
};

namespace emulation {

namespace {

constexpr size_t most_violations = 32;
constexpr unsigned most_threads = 1024;

std::vector<Kernel> &kernels() {
    static std::vector<Kernel> all;
    return all;
}

/// The workers that no launch uses; their stacks and memory are worth keeping.
class IdleWorkers {
  public:
    std::unique_ptr<Worker> take() {
        std::lock_guard<std::mutex> lock(mutex);
        if (idle.empty())
            return std::make_unique<Worker>();
        std::unique_ptr<Worker> worker = std::move(idle.back());
        idle.pop_back();
        return worker;
    }
    void give_back(std::unique_ptr<Worker> worker) {
        std::lock_guard<std::mutex> lock(mutex);
        idle.push_back(std::move(worker));
    }

  private:
    std::mutex mutex;
    std::vector<std::unique_ptr<Worker>> idle;
};

IdleWorkers &idle_workers() {
    static IdleWorkers workers;
    return workers;
}

const char *last_component(const char *path) {
    const char *slash = path ? strrchr(path, '/') : nullptr;
    return slash ? slash + 1 : path;
}

/// Adds up structs that hold nothing but counters.
void add(emulation_counters &sum, const emulation_counters &part) {
    constexpr size_t count = sizeof(emulation_counters) / sizeof(uint64_t);
    uint64_t a[count], b[count];
    memcpy(a, &sum, sizeof sum);
    memcpy(b, &part, sizeof part);
    for (size_t i = 0; i < count; i++)
        a[i] += b[i];
    memcpy(&sum, a, sizeof sum);
}

void work(Launch &launch) {
    std::unique_ptr<Worker> worker = idle_workers().take();
    worker->launch = &launch;
    worker->counters = {};
    worker->warps.resize(std::max(worker->warps.size(), (size_t)launch.threads / lanes_per_warp));
    worker->signal_stack.install();
    worker->run_blocks();
    worker->signal_stack.uninstall();
    {
        std::lock_guard<std::mutex> lock(launch.mutex);
        add(launch.counters, worker->counters);
    }
    idle_workers().give_back(std::move(worker));
}

/// What is wrong with a launch before anything runs, or NULL.
const char *refusal(const Launch &launch) {
    if (!launch.threads || launch.threads % lanes_per_warp || launch.threads > most_threads)
        return "a block must have a multiple of 32 threads, at most 1024";
    if (launch.threads > (unsigned)launch.kernel->threads)
        return "more threads in a block than the kernel was compiled for";
    if (!launch.grid[0] || !launch.grid[1] || !launch.grid[2] || launch.grid[1] > 65535 || launch.grid[2] > 65535)
        return "a grid must have 1 to 2^31 - 1, 1 to 65535 and 1 to 65535 blocks";
    if (launch.shared_bytes > (227 << 10))
        return "more than 227 KB of shared memory";
    return nullptr;
}

} // namespace

Registration::Registration(const char *name, u64 bytes, u64 alignment, int threads, int blocks,
                           void (*run)(const void *), bool is_for_this_processor) {
    if (is_for_this_processor)
        kernels().push_back({name, bytes, alignment, threads, blocks, run});
}

std::string text(const char *format, ...) {
    char buffer[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    return buffer;
}

void violation(const Lane &lane, const char *word, Place place, const char *what, const std::string &detail) {
    const Block &block = *lane.warp->block;
    Launch &launch = *block.worker->launch;
    std::string key = text("%s:%d:%s", word, place.line, what);
    std::string report = text("%s, block (%d, %d, %d), thread %d: %s", launch.kernel->name, block.index[0],
                              block.index[1], block.index[2], lane.identity.thread, word);
    if (place.file)
        report += text(" at %s:%d", last_component(place.file), place.line);
    report += std::string(": ") + what;
    if (!detail.empty())
        report += " (" + detail + ")";

    std::lock_guard<std::mutex> lock(launch.mutex);
    for (Violation &known : launch.violations)
        if (known.key == key) {
            known.count++;
            return;
        }
    launch.violations.push_back({key, report, 1});
    if (launch.violations.size() >= most_violations)
        launch.stopped = true;
}

bool watch(const char *word, Place place, const char *fault) {
    Launch &launch = *current_block().worker->launch;
    if (launch.lists_sites) {
        std::lock_guard<std::mutex> lock(launch.mutex);
        bool known = std::any_of(launch.sites.begin(), launch.sites.end(), [&](const emulation_site &site) {
            return site.line == place.line && !strcmp(site.word, word) && !strcmp(site.file, place.file) &&
                   !strcmp(site.fault, fault);
        });
        if (!known)
            launch.sites.push_back({word, place.file, place.line, fault});
    }
    const emulation_site *plant = launch.plant;
    return plant && plant->line == place.line && !strcmp(plant->word, word) && !strcmp(plant->fault, fault) &&
           !strcmp(plant->file, place.file);
}

void violation(const char *word, Place place, const char *what, const std::string &detail) {
    violation(*current, word, place, what, detail);
}

} // namespace emulation

using namespace emulation;

// The C interface's type is never defined; it stands for Kernel.
static const Kernel &of(const emulation_kernel *kernel) { return *(const Kernel *)kernel; }

const emulation_kernel *emulation_find(const char *name) {
    for (const Kernel &kernel : kernels())
        if (!strcmp(kernel.name, name))
            return (const emulation_kernel *)&kernel;
    return nullptr;
}

size_t emulation_kernel_count(void) { return kernels().size(); }

const emulation_kernel *emulation_kernel_at(size_t index) { return (const emulation_kernel *)&kernels()[index]; }

const char *emulation_kernel_name(const emulation_kernel *kernel) { return of(kernel).name; }

size_t emulation_kernel_argument_bytes(const emulation_kernel *kernel) { return of(kernel).argument_bytes; }

int emulation_kernel_threads(const emulation_kernel *kernel) { return of(kernel).threads; }

emulation_result *emulation_launch(const emulation_kernel *kernel, const unsigned grid[3], unsigned threads,
                                   size_t shared_bytes, const void *arguments, const emulation_options *options) {
    auto result = std::make_unique<emulation_result>();
    Launch launch = {};
    launch.kernel = &of(kernel);
    std::copy(grid, grid + 3, launch.grid);
    launch.threads = threads;
    launch.shared_bytes = shared_bytes;
    launch.seed = options ? options->seed : 0;
    launch.plant = options ? options->plant : nullptr;
    launch.lists_sites = options && options->list_sites;
    launch.block_count = grid[0] * grid[1] * grid[2];
    if (const char *reason = refusal(launch)) {
        result->violations.push_back(text("%s: %s", launch.kernel->name, reason));
        return result.release();
    }
    std::vector<char> copy(launch.kernel->argument_bytes + launch.kernel->argument_alignment);
    char *aligned = copy.data();
    while ((size_t)aligned % launch.kernel->argument_alignment)
        aligned++;
    catch_faults();
    memcpy(aligned, arguments, launch.kernel->argument_bytes);
    launch.arguments = aligned;

    unsigned workers = options && options->cpu_threads > 0 ? (unsigned)options->cpu_threads
                                                           : std::max(1u, std::thread::hardware_concurrency());
    workers = std::min(workers, launch.block_count);
    std::vector<std::thread> others;
    for (unsigned i = 1; i < workers; i++)
        others.emplace_back([&launch] { work(launch); });
    work(launch);
    for (std::thread &other : others)
        other.join();

    for (const Violation &found : launch.violations)
        result->violations.push_back(found.count > 1 ? found.text + text(", %llu times", found.count) : found.text);
    result->faults = std::move(launch.faults);
    result->sites = std::move(launch.sites);
    result->counters = launch.counters;
    return result.release();
}

size_t emulation_result_violation_count(const emulation_result *result) { return result->violations.size(); }

const char *emulation_result_violation(const emulation_result *result, size_t index) {
    return result->violations[index].c_str();
}

const emulation_counters *emulation_result_counters(const emulation_result *result) { return &result->counters; }

size_t emulation_result_site_count(const emulation_result *result) { return result->sites.size(); }

const emulation_site *emulation_result_site(const emulation_result *result, size_t index) {
    return &result->sites[index];
}

size_t emulation_result_fault_count(const emulation_result *result) { return result->faults.size(); }

const void *emulation_result_fault(const emulation_result *result, size_t index) { return result->faults[index]; }

void emulation_result_free(emulation_result *result) { delete result; }
