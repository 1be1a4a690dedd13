// NVIDIA's libraries without NVIDIA: libcuda, libnvrtc and libcublasLt as a machine that the test describes.
//
// A machine hands out functions that belong to it alone, so the functions need no notion of a current machine: tests
// with a machine each run in parallel, on any thread. Inside a machine one lock orders the calls of several threads;
// the current context is one per thread, as the driver has it.
//
// Work is queued at the call and runs at the latest moment the rules allow, that is when somebody synchronises, in an
// order between streams that the seed picks and that only events restrain (`schedule` has other choices). Kernels run
// through the emulator. What a real GPU would do wrong in silence is collected as a violation: a test ends with
// fake_cuda_finish and looks at violations and leaks.
#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fake_cuda fake_cuda;

/// When queued work runs.
enum {
    FAKE_SCHEDULE_LATE = 0,  ///< only when somebody waits for it: early reuse of memory shows
    FAKE_SCHEDULE_MIXED = 1, ///< now and then at any call as well
    FAKE_SCHEDULE_EARLY = 2  ///< at once where nothing holds it back: filling memory too late shows
};

typedef struct fake_cuda_config {
    const char *name;
    int gpus;
    int compute_major, compute_minor;
    int multiprocessors;
    uint64_t memory_bytes;          ///< of each GPU
    int driver_version;             ///< 12090 is 12.9
    int nvrtc_major, nvrtc_minor;   ///< 0: there is no libnvrtc
    const int *nvrtc_architectures; ///< 0: those that this version really has
    int nvrtc_architecture_count;
    int cublaslt; ///< 0: there is no libcublasLt
    int memory_pools;
    int allocation_in_capture; ///< whether cuMemAllocAsync and cuMemFreeAsync are allowed while a graph is recorded
    int schedule;
    int cpu_threads; ///< for a kernel; 0: one a core
    uint64_t seed;
} fake_cuda_config;

/// One GPU of this capability with 2 multiprocessors and 1 GiB, driver 12.9, NVRTC 12.9 and cuBLASLt.
fake_cuda_config fake_cuda_defaults(int compute_major, int compute_minor);

/// Waits where too many machines exist already.
fake_cuda *fake_cuda_create(const fake_cuda_config *config);

/// Its functions must not be called any more.
void fake_cuda_destroy(fake_cuda *machine);

/// A ck_lookup with a machine as context: the function of this machine, NULL for a symbol that its libraries lack.
void *fake_cuda_symbol(void *machine, const char *symbol);

/// Makes a symbol absent, before it is looked up.
void fake_cuda_hide(fake_cuda *machine, const char *symbol);

/// Changes one GPU, before cuInit.
void fake_cuda_set_gpu(fake_cuda *machine, int gpu, const char *name, int compute_major, int compute_minor,
                       int multiprocessors, uint64_t memory_bytes);

/// Memory that another process holds from now on.
void fake_cuda_set_taken(fake_cuda *machine, int gpu, uint64_t bytes);

// ---- What went wrong

/// Runs what is still queued, then counts leaks as violations. To be called when the program under test gave
/// everything back; the machine remains usable.
void fake_cuda_finish(fake_cuda *machine);

size_t fake_cuda_violation_count(fake_cuda *machine);
/// Lives as long as the machine.
const char *fake_cuda_violation(fake_cuda *machine, size_t index);
void fake_cuda_forget_violations(fake_cuda *machine);

/// What was made and not given back, one line each; the text lives until the next call of this function.
const char *fake_cuda_leaks(fake_cuda *machine);
size_t fake_cuda_leak_count(fake_cuda *machine);

// ---- What was called

/// Every function of the three libraries.
size_t fake_cuda_function_count(void);
const char *fake_cuda_function_name(size_t index);

/// How often a function was called since the machine was made.
size_t fake_cuda_calls(fake_cuda *machine, const char *function);

/// All calls in order, across threads.
size_t fake_cuda_log_length(fake_cuda *machine);
const char *fake_cuda_log_function(fake_cuda *machine, size_t index);
int fake_cuda_log_result(fake_cuda *machine, size_t index);

/// How often a kernel ran, graphs included; NULL counts all.
size_t fake_cuda_kernel_runs(fake_cuda *machine, const char *kernel);
/// The program's own bytes on a GPU: now, and the most there were.
uint64_t fake_cuda_used_bytes(fake_cuda *machine, int gpu);
uint64_t fake_cuda_peak_bytes(fake_cuda *machine, int gpu);
/// Pieces of work that were queued and have not run.
size_t fake_cuda_pending(fake_cuda *machine);

/// From now on it is known which work streams and events allow to run beside which copy.
void fake_cuda_remember(fake_cuda *machine);
/// Of the copies from pinned memory since then, `count`, those that no work may run beside.
size_t fake_cuda_copies_without_work(fake_cuda *machine, size_t *count);

// ---- What shall go wrong

/// The nth call of this function from now on (1 is the next) returns `error` and does nothing. With `sticky` the
/// context is dead from then on: every later call that needs it returns the error too; releases still release.
void fake_cuda_fail_call(fake_cuda *machine, const char *function, int nth, int error, int sticky);

/// The nth kernel that runs from now on dies of `error` instead: whoever waits for it sees the error, then everybody.
void fake_cuda_fail_kernel(fake_cuda *machine, int nth, int error);

/// Every kernel of this name dies of `error` instead of running; 0: it never ends, and neither does the call that
/// waits for it.
void fake_cuda_doom_kernel(fake_cuda *machine, const char *kernel, int error);

/// This GPU falls off the bus after `calls` more calls of any function: what is queued never runs, every call that
/// needs it returns `error`.
void fake_cuda_lose_gpu(fake_cuda *machine, int gpu, int calls, int error);

/// Programs whose name or text contains `part` do not compile; `log` is what NVRTC says.
void fake_cuda_fail_compilation(fake_cuda *machine, const char *part, const char *log);

/// What ptxas says of a kernel (NULL: of every kernel), with spilled bytes and, if not NULL, a further line such as
/// "(C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized …". The function's local memory
/// follows.
void fake_cuda_set_spill(fake_cuda *machine, const char *kernel, int stack_bytes, int spill_bytes,
                         const char *diagnostic);

/// Whether cublasLtMatmulAlgoGetHeuristic finds nothing.
void fake_cuda_set_no_algorithms(fake_cuda *machine, int none);

#ifdef __cplusplus
}
#endif

#endif
