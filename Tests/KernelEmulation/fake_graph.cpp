// libcuda: recording a stream's work as a graph, and launching it.

#include "fake_machine.h"

#include <algorithm>

namespace fake {

int Machine::refuse_in_capture(const char *function) {
    for (const auto &capture : captures) {
        // Modes: 0 forbids it to every thread, 1 to the recording one, 2 to none.
        bool refuses = capture->mode == 0 ||
                       (capture->mode == CK_CAPTURE_THREAD_LOCAL && capture->thread == std::this_thread::get_id());
        if (refuses) {
            violate("%s while a graph is recorded", function);
            capture->invalid = true;
            return error_capture_unsupported;
        }
    }
    return 0;
}

int cuStreamBeginCapture_v2(Machine &machine, CUstream handle, int mode) {
    Device *device;
    Stream *stream;
    if (int error = machine.stream(handle, device, stream))
        return error;
    if (!handle) {
        machine.violate("cuStreamBeginCapture of the legacy stream");
        return error_capture_unsupported;
    }
    if (mode < 0 || mode > 2)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (stream->capture)
        return error_illegal_state;
    auto capture = std::make_shared<Capture>();
    capture->origin = stream;
    capture->thread = std::this_thread::get_id();
    capture->mode = mode;
    capture->members = {stream};
    stream->capture = capture;
    stream->tail.clear();
    machine.captures.push_back(capture);
    return 0;
}

/// Whether every node comes before the end of the recorded stream.
static bool is_joined(const Nodes &nodes, const std::vector<size_t> &tail) {
    std::vector<bool> reached(nodes.size());
    std::vector<size_t> open = tail;
    while (!open.empty()) {
        size_t node = open.back();
        open.pop_back();
        if (reached[node])
            continue;
        reached[node] = true;
        open.insert(open.end(), nodes[node].after.begin(), nodes[node].after.end());
    }
    return std::find(reached.begin(), reached.end(), false) == reached.end();
}

int cuStreamEndCapture(Machine &machine, CUstream handle, CUgraph *graph) {
    Device *device;
    Stream *stream;
    int broken = machine.stream(handle, device, stream);
    if (graph)
        *graph = nullptr;
    if (!stream)
        return broken;
    std::shared_ptr<Capture> capture = stream->capture;
    if (!capture || capture->origin != stream)
        return error_illegal_state;
    if (capture->mode != 2 && capture->thread != std::this_thread::get_id())
        return error_capture_wrong_thread;
    bool joined = is_joined(capture->nodes, stream->tail);
    for (Stream *member : capture->members) {
        member->capture = nullptr;
        member->tail.clear();
    }
    machine.captures.erase(std::find(machine.captures.begin(), machine.captures.end(), capture));
    if (broken || !graph)
        return broken ? broken : CK_CUDA_ERROR_INVALID_VALUE;
    if (capture->invalid)
        return error_capture_invalidated;
    if (!joined) {
        machine.violate("cuStreamEndCapture: another stream's work does not lead back to stream %zu", stream->number);
        return error_capture_unjoined;
    }
    auto nodes = std::make_shared<const Nodes>(std::move(capture->nodes));
    *graph = (CUgraph)machine.graphs.add({nodes, false});
    return 0;
}

int cuGraphInstantiateWithFlags(Machine &machine, CUgraphExec *executable, CUgraph handle, unsigned long long flags) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    Graph *graph = machine.graphs.find(handle);
    if (!executable || !graph || flags & ~15ull)
        return CK_CUDA_ERROR_INVALID_VALUE;
    *executable = (CUgraphExec)machine.executables.add({device, graph->nodes, nullptr, false});
    return 0;
}

int cuGraphLaunch(Machine &machine, CUgraphExec handle, CUstream stream_handle) {
    Device *device;
    Stream *stream;
    if (int error = machine.stream(stream_handle, device, stream))
        return error;
    Executable *executable = machine.executables.find(handle);
    if (!executable || executable->device != device) {
        machine.violate("cuGraphLaunch: the executable graph does not exist here");
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
    if (stream->capture) {
        machine.violate("cuGraphLaunch on a stream that is recorded: the fake has no child graphs");
        stream->capture->invalid = true;
        return error_capture_unsupported;
    }
    // A graph does not overlap with itself.
    std::vector<std::shared_ptr<Operation>> after;
    if (executable->last)
        after.push_back(executable->last);
    executable->last = machine.enqueue(*stream, {"cuGraphLaunch", {}, 0.005, nullptr}, executable->nodes, after);
    return 0;
}

int cuGraphExecDestroy(Machine &machine, CUgraphExec handle) {
    Device *device = nullptr;
    int broken = machine.context(device);
    if (!device)
        return broken;
    // What was launched goes on.
    if (!machine.executables.forget(handle)) {
        machine.violate("cuGraphExecDestroy of what is no executable graph, or no longer");
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
    return broken;
}

int cuGraphDestroy(Machine &machine, CUgraph handle) {
    Device *device = nullptr;
    int broken = machine.context(device);
    if (!device)
        return broken;
    if (!machine.graphs.forget(handle)) {
        machine.violate("cuGraphDestroy of what is no graph, or no longer");
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
    return broken;
}

} // namespace fake
