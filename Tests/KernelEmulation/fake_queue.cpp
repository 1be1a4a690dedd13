// libcuda: streams and events. Streams are queues; what runs next is drawn from the seed among the streams whose first
// piece of work waits for nothing.

#include "fake_machine.h"

#include <algorithm>
#include <string>

namespace fake {

// ---- Queueing

Stream *Machine::add_stream(Device &device, bool blocking) {
    Stream *stream = streams.add({});
    stream->device = &device;
    stream->number = queues.size();
    stream->blocking = blocking;
    queues.push_back(stream);
    return stream;
}

int Machine::stream(CUstream handle, Device *&device, Stream *&stream) {
    device = nullptr;
    stream = nullptr;
    int error = context(device);
    if (!device)
        return error;
    if (!handle) {
        if (!device->null_stream)
            device->null_stream = add_stream(*device, true);
        stream = device->null_stream;
        return error;
    }
    stream = streams.find(handle);
    if (!stream) {
        violate("a stream is used that does not exist, or no longer");
        return error_invalid_handle;
    }
    if (stream->device != device) {
        violate("stream %zu of GPU %d is used in the context of GPU %d", stream->number, stream->device->ordinal,
                device->ordinal);
        stream = nullptr;
        return error_invalid_handle;
    }
    return error;
}

std::shared_ptr<Operation> Machine::enqueue(Stream &stream, Work work, std::shared_ptr<const Nodes> graph,
                                            std::vector<std::shared_ptr<Operation>> after) {
    auto operation = std::make_shared<Operation>();
    operation->work = std::move(work);
    operation->after = std::move(after);
    if (graph) {
        operation->graph = graph;
        operation->nodes_done.resize(graph->size());
        operation->nodes_left = graph->size();
    }
    // The legacy stream and those made without CU_STREAM_NON_BLOCKING wait for each other.
    Stream *null_stream = stream.device->null_stream;
    bool is_null = &stream == null_stream;
    for (Stream *other : queues)
        if (other != &stream && other->device == stream.device && other->last &&
            ((is_null && other->blocking) || (stream.blocking && other == null_stream)))
            operation->after.push_back(other->last);

    Clock &clock = operation->clock;
    clock.join(host);
    clock.join(stream.clock);
    for (const auto &before : operation->after)
        clock.join(before->clock);
    clock.raise(stream.number, ++stream.tick);
    stream.clock = clock;
    stream.last = operation;
    stream.queue.push_back(operation);

    remember(stream, *operation);
    touch(*stream.device, stream, clock, operation->work);
    if (graph)
        for (const Node &node : *graph)
            touch(*stream.device, stream, clock, node.work);
    run_some();
    return operation;
}

void Machine::remember(const Stream &stream, const Operation &operation) {
    const std::string name = operation.work.name;
    bool copies = name == "cuMemcpyHtoDAsync" && operation.work.host;
    bool works = name == "cuGraphLaunch" || name.rfind("cu", 0) != 0 || name.rfind("cublas", 0) == 0;
    if (remembers && (copies || works))
        past.push_back({stream.number, stream.tick, operation.clock, copies});
}

size_t Machine::copies_without_work(size_t &count) const {
    size_t alone = 0;
    count = 0;
    for (const Past &copy : past) {
        if (!copy.copies)
            continue;
        count++;
        alone += std::none_of(past.begin(), past.end(), [&](const Past &work) {
            return !work.copies && work.clock.of(copy.stream) < copy.tick && copy.clock.of(work.stream) < work.tick;
        });
    }
    return alone;
}

int Machine::submit(Stream &stream, Work work) {
    if (stream.capture) {
        Capture &capture = *stream.capture;
        if (capture.invalid)
            return error_capture_invalidated;
        capture.nodes.push_back({std::move(work), stream.tail});
        stream.tail = {capture.nodes.size() - 1};
        return 0;
    }
    if (&stream == stream.device->null_stream) {
        for (const auto &capture : captures) {
            if (capture->origin->blocking) {
                violate("%s on the legacy stream while a blocking stream is recorded", work.name);
                capture->invalid = true;
                return error_capture_implicit;
            }
        }
    }
    enqueue(stream, std::move(work), nullptr, {});
    return 0;
}

// ---- Running

int Machine::execute(Device &device, const Work &work) {
    device.now += work.milliseconds;
    int error = work.run ? work.run() : 0;
    if (error && !device.error)
        device.error = error;
    return error;
}

/// Runs one node of a graph whose predecessors have run.
static void run_node(Machine &machine, Device &device, Operation &operation) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < operation.graph->size(); i++) {
        const auto &after = (*operation.graph)[i].after;
        if (!operation.nodes_done[i] &&
            std::all_of(after.begin(), after.end(), [&](size_t j) { return operation.nodes_done[j]; }))
            ready.push_back(i);
    }
    size_t node = ready[machine.random() % ready.size()];
    machine.execute(device, (*operation.graph)[node].work);
    operation.nodes_done[node] = true;
    operation.nodes_left--;
}

bool Machine::step(Stream &stream) {
    if (stream.queue.empty())
        return false;
    std::shared_ptr<Operation> operation = stream.queue.front();
    for (const auto &before : operation->after)
        if (!before->done)
            return false;
    Device &device = *stream.device;
    if (!device.error && operation->nodes_left) {
        run_node(*this, device, *operation);
        if (operation->nodes_left && !device.error)
            return true;
    } else if (!device.error) {
        execute(device, operation->work);
    }
    operation->done = true;
    operation->finished_at = device.now;
    operation->after.clear();
    operation->work.run = nullptr;
    stream.queue.pop_front();
    return true;
}

void Machine::run_until(const std::shared_ptr<Operation> &target) {
    Stream *targeted = nullptr;
    for (Stream *stream : queues)
        for (const auto &operation : stream->queue)
            if (operation == target)
                targeted = stream;
    // Sometimes the awaited stream runs ahead of the others, sometimes it lags behind them.
    enum { any, ahead, behind } manner = (decltype(any))(random() % 3);
    while (!target->done) {
        std::vector<Stream *> order = queues;
        std::shuffle(order.begin(), order.end(), random);
        auto place = std::find(order.begin(), order.end(), targeted);
        if (manner != any && place != order.end()) {
            order.erase(place);
            order.insert(manner == ahead ? order.begin() : order.end(), targeted);
        }
        if (std::none_of(order.begin(), order.end(), [this](Stream *stream) { return step(*stream); })) {
            violate("no stream can go on");
            return;
        }
    }
}

void Machine::run_some() {
    size_t steps = 0;
    if (config.schedule == FAKE_SCHEDULE_EARLY)
        steps = SIZE_MAX;
    else if (config.schedule == FAKE_SCHEDULE_MIXED && random() % 4 == 0)
        steps = random() % 8;
    while (steps-- > 0) {
        std::vector<Stream *> order = queues;
        std::shuffle(order.begin(), order.end(), random);
        if (std::none_of(order.begin(), order.end(), [this](Stream *stream) { return step(*stream); }))
            return;
    }
}

void Machine::run_all() {
    for (Stream *stream : queues)
        if (stream->last)
            run_until(stream->last);
}

void Machine::wait_for(const std::shared_ptr<Operation> &target) {
    run_until(target);
    host.join(target->clock);
    for (const auto &device : devices)
        device->pool.release(0);
}

// ---- Streams

int cuStreamCreate(Machine &machine, CUstream *stream, unsigned flags) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    if (!stream || flags > CK_STREAM_NON_BLOCKING)
        return CK_CUDA_ERROR_INVALID_VALUE;
    *stream = (CUstream)machine.add_stream(*device, flags != CK_STREAM_NON_BLOCKING);
    return 0;
}

int cuStreamDestroy_v2(Machine &machine, CUstream handle) {
    Device *device;
    Stream *stream;
    int broken = machine.stream(handle, device, stream);
    if (!stream || !handle)
        return broken ? broken : error_invalid_handle;
    if (stream->capture) {
        machine.violate("cuStreamDestroy of stream %zu while it is recorded", stream->number);
        stream->capture->invalid = true;
    }
    // Its work goes on.
    stream->destroyed = true;
    machine.streams.forget(handle);
    return broken;
}

int cuStreamSynchronize(Machine &machine, CUstream handle) {
    Device *device;
    Stream *stream;
    if (int error = machine.stream(handle, device, stream))
        return error;
    if (int error = machine.refuse_in_capture("cuStreamSynchronize"))
        return error;
    if (stream->last)
        machine.wait_for(stream->last);
    if (stream == device->null_stream)
        for (Stream *other : machine.queues)
            if (other->blocking && other->device == device && other->last)
                machine.wait_for(other->last);
    return device->error;
}

// ---- Events

int cuEventCreate(Machine &machine, CUevent *event, unsigned flags) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    if (!event || flags & ~3u)
        return CK_CUDA_ERROR_INVALID_VALUE;
    *event = (CUevent)machine.events.add({device, !(flags & CK_EVENT_DISABLE_TIMING), false, {}, {}, {}});
    return 0;
}

int cuEventDestroy_v2(Machine &machine, CUevent handle) {
    Device *device = nullptr;
    int broken = machine.context(device);
    if (!device)
        return broken;
    if (!machine.events.forget(handle)) {
        machine.violate("cuEventDestroy of what is no event, or no longer");
        return error_invalid_handle;
    }
    return broken;
}

int cuEventRecord(Machine &machine, CUevent handle, CUstream stream_handle) {
    Device *device;
    Stream *stream;
    if (int error = machine.stream(stream_handle, device, stream))
        return error;
    Event *event = machine.events.find(handle);
    if (!event || event->device != device) {
        machine.violate("cuEventRecord: the event does not exist here");
        return error_invalid_handle;
    }
    if (stream->capture) {
        if (stream->capture->invalid)
            return error_capture_invalidated;
        event->captured = stream->capture;
        event->tail = stream->tail;
        return 0;
    }
    event->captured = nullptr;
    int error = machine.submit(*stream, {"cuEventRecord", {}, 0, nullptr});
    if (!error)
        event->recorded = stream->last;
    return error;
}

/// A recorded stream meets an event.
static int wait_in_capture(Machine &machine, Stream &stream, Event &event) {
    std::shared_ptr<Capture> capture = event.captured ? event.captured : stream.capture;
    if (!event.captured || (stream.capture && stream.capture != event.captured)) {
        machine.violate("cuStreamWaitEvent: the recorded stream %zu would wait for work outside its graph",
                        stream.number);
        capture->invalid = true;
        return error_capture_isolation;
    }
    if (std::find(machine.captures.begin(), machine.captures.end(), capture) == machine.captures.end()) {
        machine.violate("cuStreamWaitEvent for an event of a graph whose recording is over");
        return error_captured_event;
    }
    if (capture->invalid)
        return error_capture_invalidated;
    if (!stream.capture) {
        stream.capture = capture;
        stream.tail.clear();
        capture->members.push_back(&stream);
    }
    for (size_t node : event.tail)
        if (std::find(stream.tail.begin(), stream.tail.end(), node) == stream.tail.end())
            stream.tail.push_back(node);
    return 0;
}

int cuStreamWaitEvent(Machine &machine, CUstream stream_handle, CUevent handle, unsigned flags) {
    Device *device;
    Stream *stream;
    if (int error = machine.stream(stream_handle, device, stream))
        return error;
    Event *event = machine.events.find(handle);
    if (!event) {
        machine.violate("cuStreamWaitEvent: the event does not exist, or no longer");
        return error_invalid_handle;
    }
    if (flags)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (stream->capture || event->captured)
        return wait_in_capture(machine, *stream, *event);
    if (event->recorded)
        machine.enqueue(*stream, {"cuStreamWaitEvent", {}, 0, nullptr}, nullptr, {event->recorded});
    return 0;
}

int cuEventSynchronize(Machine &machine, CUevent handle) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    Event *event = machine.events.find(handle);
    if (!event) {
        machine.violate("cuEventSynchronize: the event does not exist, or no longer");
        return error_invalid_handle;
    }
    if (int error = machine.refuse_in_capture("cuEventSynchronize"))
        return error;
    if (event->captured)
        return error_captured_event;
    if (event->recorded)
        machine.wait_for(event->recorded);
    return event->device->error;
}

int cuEventElapsedTime(Machine &machine, float *milliseconds, CUevent start_handle, CUevent end_handle) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    Event *start = machine.events.find(start_handle), *end = machine.events.find(end_handle);
    if (!start || !end || !start->timing || !end->timing || !start->recorded || !end->recorded)
        return error_invalid_handle;
    if (start->captured || end->captured)
        return error_captured_event;
    if (!start->recorded->done || !end->recorded->done)
        return error_not_ready;
    *milliseconds = (float)(end->recorded->finished_at - start->recorded->finished_at);
    return 0;
}

} // namespace fake
