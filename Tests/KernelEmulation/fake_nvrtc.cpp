// libnvrtc: takes any text, knows the kernels in it, and writes the log that ptxas would.

#include "fake_machine.h"

#include <algorithm>
#include <cstring>

namespace fake {

namespace {

/// nvrtcResult
enum {
    nvrtc_invalid_input = 3,
    nvrtc_invalid_program = 4,
    nvrtc_invalid_option = 5,
    nvrtc_compilation = 6,
};

/// Reads "sm_90a"; false if this NVRTC does not know it.
bool read_architecture(const Machine &machine, const std::string &text, Image &image) {
    char feature = 0;
    int fields = sscanf(text.c_str(), "sm_%d%c", &image.compute, &feature);
    const std::vector<int> &known = machine.architectures;
    if (fields < 1 || std::find(known.begin(), known.end(), image.compute) == known.end())
        return false;
    image.feature = feature;
    return !feature || (feature == 'a' && image.compute >= 90 && machine.config.nvrtc_major >= 12);
}

const Spill *spill_of(const Machine &machine, const std::string &kernel) {
    for (const std::string &name : {kernel, std::string()}) {
        auto found = machine.spills.find(name);
        if (found != machine.spills.end())
            return &found->second;
    }
    return nullptr;
}

/// What --ptxas-options=-v prints, as NVRTC 12.9 does.
std::string ptxas_log(const Machine &machine, const Image &image, const std::string &architecture) {
    std::string log = "ptxas info    : 0 bytes gmem\n";
    for (const auto &[name, local_bytes] : image.kernels) {
        const Spill *spill = spill_of(machine, name);
        std::string spilled = std::to_string(spill ? spill->spill_bytes : 0);
        if (spill && !spill->diagnostic.empty())
            log += "ptxas info    : " + spill->diagnostic + " in the function '" + name + "'\n";
        log += "ptxas info    : Compiling entry function '" + name + "' for '" + architecture + "'\n";
        log += "ptxas info    : Function properties for " + name + "\n";
        log += "ptxas         .     " + std::to_string(local_bytes) + " bytes stack frame, " + spilled +
               " bytes spill stores, " + spilled + " bytes spill loads\n";
        log += "ptxas info    : Used 128 registers, used 1 barriers, 368 bytes cmem[0]\n";
        log += "ptxas info    : Compile time = 1.000 ms\n";
    }
    return log;
}

} // namespace

int nvrtcVersion(Machine &machine, int *major, int *minor) {
    *major = machine.config.nvrtc_major;
    *minor = machine.config.nvrtc_minor;
    return 0;
}

int nvrtcGetNumSupportedArchs(Machine &machine, int *count) {
    *count = (int)machine.architectures.size();
    return 0;
}

int nvrtcGetSupportedArchs(Machine &machine, int *archs) {
    std::copy(machine.architectures.begin(), machine.architectures.end(), archs);
    return 0;
}

int nvrtcCreateProgram(Machine &machine, nvrtcProgram *program, const char *text, const char *name, int header_count,
                       const char *const *headers, const char *const *header_names) {
    if (!program || !text || header_count < 0 || (header_count && (!headers || !header_names)))
        return nvrtc_invalid_input;
    *program = (nvrtcProgram)machine.programs.add({text, name ? name : "default_program", "", "", false});
    return 0;
}

int nvrtcCompileProgram(Machine &machine, nvrtcProgram handle, int option_count, const char *const *options) {
    Program *program = machine.programs.find(handle);
    if (!program)
        return nvrtc_invalid_program;
    Image image = {};
    std::string architecture;
    bool verbose = false;
    for (int i = 0; i < option_count; i++) {
        std::string option = options[i];
        for (const char *name : {"--gpu-architecture=", "-arch="})
            if (option.compare(0, strlen(name), name) == 0)
                architecture = option.substr(strlen(name));
        verbose |= option == "--ptxas-options=-v" || option == "-Xptxas=-v";
    }
    if (!read_architecture(machine, architecture, image)) {
        program->log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
        return nvrtc_invalid_option;
    }
    for (const auto &[part, log] : machine.broken_programs) {
        if (program->text.find(part) != std::string::npos || program->name.find(part) != std::string::npos) {
            program->log = log;
            return nvrtc_compilation;
        }
    }
    bool wants_sm90a = program->text.find("wgmma.") != std::string::npos;
    if (wants_sm90a && architecture != "sm_90a") {
        program->log = "ptxas application ptx input, line 1; error   : Instruction 'wgmma.fence' not supported on "
                       ".target '" +
                       architecture + "'\nptxas fatal   : Ptx assembly aborted due to errors\n";
        return nvrtc_compilation;
    }
    for (const std::string &name : kernel_names(program->text)) {
        const Spill *spill = spill_of(machine, name);
        image.kernels.push_back({name, spill ? spill->stack_bytes : 0});
    }
    image.nvrtc_major = machine.config.nvrtc_major;
    image.nvrtc_minor = machine.config.nvrtc_minor;
    program->log = verbose ? ptxas_log(machine, image, architecture) : "";
    program->image = write_image(image, hash(program->text));
    program->compiled = true;
    return 0;
}

int nvrtcGetProgramLogSize(Machine &machine, nvrtcProgram handle, size_t *bytes) {
    Program *program = machine.programs.find(handle);
    if (!program)
        return nvrtc_invalid_program;
    *bytes = program->log.size() + 1;
    return 0;
}

int nvrtcGetProgramLog(Machine &machine, nvrtcProgram handle, char *log) {
    Program *program = machine.programs.find(handle);
    if (!program)
        return nvrtc_invalid_program;
    memcpy(log, program->log.c_str(), program->log.size() + 1);
    return 0;
}

int nvrtcGetCUBINSize(Machine &machine, nvrtcProgram handle, size_t *bytes) {
    Program *program = machine.programs.find(handle);
    if (!program || !program->compiled)
        return nvrtc_invalid_program;
    *bytes = program->image.size();
    return 0;
}

int nvrtcGetCUBIN(Machine &machine, nvrtcProgram handle, char *cubin) {
    Program *program = machine.programs.find(handle);
    if (!program || !program->compiled)
        return nvrtc_invalid_program;
    memcpy(cubin, program->image.data(), program->image.size());
    return 0;
}

int nvrtcDestroyProgram(Machine &machine, nvrtcProgram *program) {
    if (!program || !machine.programs.forget(*program)) {
        machine.violate("nvrtcDestroyProgram of what is no program, or no longer");
        return nvrtc_invalid_program;
    }
    *program = nullptr;
    return 0;
}

} // namespace fake
