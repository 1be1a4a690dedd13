// The state of a fake machine: GPUs with their memory, queues of work, modules, and the book of calls.
#pragma once

#include "ck_cuda.h"
#include "fake_cuda.h"
#include "kernel_emulation.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace fake {

/// Results of the driver beyond those in ck_cuda.h.
enum {
    error_not_initialized = 3,
    error_invalid_context = 201,
    error_invalid_handle = 400,
    error_illegal_state = 401,
    error_not_ready = 600,
    error_launch_failed = 719,
    error_not_supported = 801,
    error_capture_unsupported = 900,
    error_capture_invalidated = 901,
    error_capture_unjoined = 904,
    error_capture_isolation = 905,
    error_capture_implicit = 906,
    error_captured_event = 907,
    error_capture_wrong_thread = 908,
};

struct Device;
struct Machine;
struct Module;
struct Stream;

/// For each stream, how much of what was queued on it comes before.
struct Clock {
    std::vector<uint32_t> at;

    uint32_t of(size_t stream) const { return stream < at.size() ? at[stream] : 0; }
    void raise(size_t stream, uint32_t tick);
    void join(const Clock &other);
};

/// A range of device memory that work touches.
struct Touch {
    ck_address address;
    size_t bytes;
};

/// One thing for the GPU to do.
struct Work {
    const char *name;
    std::vector<Touch> touches;
    double milliseconds;        ///< of the simulated clock
    std::function<int()> run;   ///< returns a CUresult
    const void *host = nullptr; ///< pinned memory that it reads or writes
};

/// A recorded graph: each node with the nodes that come before it.
struct Node {
    Work work;
    std::vector<size_t> after;
};
using Nodes = std::vector<Node>;

/// A queued piece of work, or a whole launch of a graph.
struct Operation {
    Work work;
    std::shared_ptr<const Nodes> graph;
    std::vector<bool> nodes_done;
    size_t nodes_left = 0;
    std::vector<std::shared_ptr<Operation>> after;
    Clock clock;
    bool done = false;
    double finished_at = 0; ///< milliseconds
};

/// What happens between cuStreamBeginCapture and cuStreamEndCapture.
struct Capture {
    Stream *origin;
    std::thread::id thread;
    int mode;
    Nodes nodes;
    bool invalid = false;
    std::vector<Stream *> members;
};

struct Stream {
    Device *device;
    size_t number; ///< in clocks
    bool blocking, destroyed = false;
    std::deque<std::shared_ptr<Operation>> queue;
    std::shared_ptr<Operation> last;
    uint32_t tick = 0;
    Clock clock; ///< of what is queued
    std::shared_ptr<Capture> capture;
    std::vector<size_t> tail; ///< nodes that the next one comes after
};

struct Event {
    Device *device;
    bool timing, destroyed = false;
    std::shared_ptr<Operation> recorded;
    std::shared_ptr<Capture> captured;
    std::vector<size_t> tail;
};

struct Graph {
    std::shared_ptr<const Nodes> nodes;
    bool destroyed = false;
};

struct Executable {
    Device *device;
    std::shared_ptr<const Nodes> nodes;
    std::shared_ptr<Operation> last;
    bool destroyed = false;
};

struct Allocation {
    ck_address base;
    size_t bytes, mapped;
    size_t stream; ///< where it was allocated, and when
    uint32_t tick;
    bool freed = false;    ///< in the order of calls
    bool live = false;     ///< in the order of execution
    bool of_graph = false; ///< allocated by a graph, each time it runs
    std::map<size_t, uint32_t> uses;

    char *pages() const;
    /// Makes the pages usable, full of poison.
    void open();
    void close();
    /// Whether nothing was written beside the array.
    bool is_intact() const;
    /// Puts the poison beside it back.
    void surround();
};

/// Addresses of which no two allocations ever share one, each with a page after its end that nobody may touch.
struct Arena {
    static constexpr size_t bytes = size_t(1) << 38;
    char *start = nullptr;
    size_t used = 0;

    ~Arena();
    /// 0 where the addresses have run out.
    ck_address reserve(size_t bytes, size_t mapped);
};

struct Pool {
    uint64_t used = 0, peak = 0;
    uint64_t held = 0; ///< from the GPU: at least what is used

    void release(uint64_t keep) { held = std::max(used, std::min(held, keep)); }
};

struct Device {
    int ordinal;
    std::string name;
    int major, minor, multiprocessors;
    uint64_t memory_bytes, taken = 0;
    int retained = 0;
    int error = 0; ///< sticky
    Pool pool;
    Arena arena;
    std::map<ck_address, Allocation> allocations; ///< by base, freed ones too
    Stream *null_stream = nullptr;
    double now = 0; ///< milliseconds

    int shared_bytes_optin() const;
};

struct Function {
    Module *module;
    std::string name;
    const emulation_kernel *kernel;
    int local_bytes;
    int dynamic_shared_bytes = 48 << 10;
    int carveout = -1;
};

struct Module {
    Device *device;
    std::vector<std::pair<std::string, int>> kernels; ///< with their local bytes
    std::map<std::string, std::unique_ptr<Function>> functions;
    bool unloaded = false;
};

/// What ptxas is to say of a kernel.
struct Spill {
    int stack_bytes, spill_bytes;
    std::string diagnostic;
};

struct Program {
    std::string text, name, log, image;
    bool compiled = false;
};

struct Call {
    int function;
    int result;
};

/// A fault to come.
struct Fault {
    int function;
    int calls_left;
    int error;
    bool sticky;
};

/// Handles of one kind: never reused, so that a stale one is known as such.
template <typename T> struct Handles {
    std::vector<std::unique_ptr<T>> all;
    std::set<const void *> known;

    T *add(T value) {
        all.push_back(std::make_unique<T>(std::move(value)));
        known.insert(all.back().get());
        return all.back().get();
    }
    /// NULL for what never was one or is none any more.
    template <typename Handle> T *find(Handle handle) const {
        return known.count((const void *)handle) ? (T *)handle : nullptr;
    }
    template <typename Handle> bool forget(Handle handle) { return known.erase((const void *)handle) > 0; }
    size_t count() const { return known.size(); }
};

struct MatmulDescription {
    int compute, scale;
    int32_t transpose_a = 0, transpose_b = 0;
    uint32_t epilogue = CK_LT_EPILOGUE_DEFAULT;
    ck_address bias = 0;
    int32_t bias_dtype = -1;
};
struct MatrixLayout {
    int dtype;
    uint64_t rows, columns;
    int64_t leading;
};
struct Preference {
    uint64_t workspace_bytes = 0;
};
struct LtHandle {
    Device *device;
};

struct Machine {
    explicit Machine(const fake_cuda_config &config);

    std::mutex mutex;
    fake_cuda_config config;
    int slot = 0;
    std::vector<int> architectures; ///< of NVRTC
    std::set<std::string> hidden;
    std::mt19937_64 random;
    bool initialized = false;
    std::deque<std::unique_ptr<Device>> devices;
    std::unordered_map<std::thread::id, Device *> current;
    Clock host; ///< what the program has waited for

    Handles<Stream> streams;
    Handles<Event> events;
    Handles<Graph> graphs;
    Handles<Executable> executables;
    Handles<Module> modules;
    std::set<const void *> functions;
    std::vector<Stream *> queues; ///< by their number in clocks, destroyed ones too
    std::vector<std::shared_ptr<Capture>> captures;
    std::map<const char *, size_t> pinned;
    Handles<Program> programs;
    Handles<LtHandle> lt_handles;
    Handles<MatmulDescription> lt_descriptions;
    Handles<MatrixLayout> lt_layouts;
    Handles<Preference> lt_preferences;

    std::deque<std::string> violations;
    size_t violations_forgotten = 0;
    std::string leak_text;
    std::vector<Call> log;
    std::vector<size_t> calls; ///< by function
    std::map<std::string, size_t> kernel_runs;

    std::vector<Fault> faults;
    int kernels_until_fault = 0, kernel_error = 0;
    std::map<std::string, int> doomed;
    struct Loss {
        Device *device;
        int calls_left, error;
    };
    std::vector<Loss> losses;
    std::vector<std::pair<std::string, std::string>> broken_programs; ///< part of the text, log
    std::map<std::string, Spill> spills;                              ///< by kernel, "" for all
    bool no_algorithms = false;

    /// A copy from pinned memory or a piece of work, in the order of streams and events.
    struct Past {
        size_t stream;
        uint32_t tick;
        Clock clock;
        bool copies;
    };
    bool remembers = false;
    std::vector<Past> past;

    // ---- Book keeping

    void violate(const char *format, ...) __attribute__((format(printf, 2, 3)));
    /// Notes a call; returns the result that was ordered for it, 0 if the function shall run.
    int begin(int function);
    void end(int function, int result);
    std::vector<std::string> leaks() const;

    // ---- Contexts

    /// The device of the thread's context; an error where there is none or the GPU is gone.
    int context(Device *&device);
    /// Also its stream of this handle.
    int stream(CUstream handle, Device *&device, Stream *&stream);
    Stream *add_stream(Device &device, bool blocking);

    // ---- Memory

    /// The allocation around an address, NULL if there is none.
    Allocation *find(Device &device, ck_address address);
    /// Notes that work of this stream and clock touches memory, and reports what is wrong about the lifetimes.
    void touch(Device &device, const Stream &stream, const Clock &clock, const Work &work);
    /// At execution: an error unless the whole range is memory.
    int check_live(Device &device, const char *what, ck_address address, size_t bytes);
    /// The pinned block around a host address.
    bool is_pinned(const void *host) const;

    // ---- Queues

    /// Queues work, or records it where the stream captures. A CUresult.
    int submit(Stream &stream, Work work);
    std::shared_ptr<Operation> enqueue(Stream &stream, Work work, std::shared_ptr<const Nodes> graph,
                                       std::vector<std::shared_ptr<Operation>> after);
    void remember(const Stream &stream, const Operation &operation);
    /// Of `count` copies those that no work may run beside.
    size_t copies_without_work(size_t &count) const;
    void run_until(const std::shared_ptr<Operation> &target);
    void run_some();
    void run_all();
    /// One step of this stream; false if it has to wait or has nothing to do.
    bool step(Stream &stream);
    void wait_for(const std::shared_ptr<Operation> &target);
    int execute(Device &device, const Work &work);
    /// An error where a call that could wait for the GPU is forbidden because this thread records a graph.
    int refuse_in_capture(const char *function);
};

/// The kernels that a text defines with KERNEL(name, …), macros included, in order.
std::vector<std::string> kernel_names(const std::string &text);

/// What a fake cubin says; false if it is none, or damaged.
struct Image {
    int compute, feature; ///< 90, 'a'
    int nvrtc_major, nvrtc_minor;
    std::vector<std::pair<std::string, int>> kernels;
};
std::string write_image(const Image &image, uint64_t text_hash);
bool read_image(const void *bytes, Image &image);
uint64_t hash(const std::string &text);

/// The functions by number, in the order of the three lists.
#define FAKE_NUMBER(name, arguments) number_of_##name,
enum FunctionNumber {
    CK_DRIVER_FUNCTIONS(FAKE_NUMBER) CK_NVRTC_FUNCTIONS(FAKE_NUMBER) CK_CUBLASLT_FUNCTIONS(FAKE_NUMBER) function_count
};
/// -1 for an unknown name.
int function_number(const std::string &name);

#define FAKE_STRIP(...) __VA_ARGS__
#define FAKE_DECLARE(name, arguments) int name(Machine &machine, FAKE_STRIP arguments);
CK_DRIVER_FUNCTIONS(FAKE_DECLARE)
CK_NVRTC_FUNCTIONS(FAKE_DECLARE)
CK_CUBLASLT_FUNCTIONS(FAKE_DECLARE)

} // namespace fake

struct fake_cuda : fake::Machine {
    using fake::Machine::Machine;
};
