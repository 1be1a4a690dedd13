#include "fake_probes.h"
#include "emulated_device.h"

namespace {

KERNEL(probe_scale, fake_probe_arguments, 64, 1) {
    for (int i = block_x() * thread_count() + thread_index(); i < args.count; i += grid_x() * thread_count())
        ((float *)args.out)[i] = args.factor * ((const float *)args.x)[i + args.shift];
}

KERNEL(probe_add, fake_probe_arguments, 64, 1) {
    for (int i = block_x() * thread_count() + thread_index(); i < args.count; i += grid_x() * thread_count())
        ((float *)args.out)[i] += args.factor * ((const float *)args.x)[i + args.shift];
}

} // namespace

const char *fake_probe_text(void) {
    return "KERNEL(probe_scale, fake_probe_arguments, 64, 1) { scale(args); }\n"
           "#define PROBE(verb) KERNEL(probe_##verb, fake_probe_arguments, 64, 1) { verb(args); }\n"
           "PROBE(add)\n";
}
