// libcuda: modules, functions, launches, tensor maps.

#include "fake_machine.h"

#include <algorithm>
#include <cstring>

namespace fake {

// ---- Modules

int cuModuleLoadData(Machine &machine, CUmodule *module, const void *bytes) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    if (!module || !bytes)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (int error = machine.refuse_in_capture("cuModuleLoadData"))
        return error;
    Image image;
    if (!read_image(bytes, image))
        return CK_CUDA_ERROR_INVALID_IMAGE;
    // Machine code of a newer major version has a form that the driver does not know.
    if (image.nvrtc_major > machine.config.driver_version / 1000)
        return CK_CUDA_ERROR_INVALID_IMAGE;
    int major = image.compute / 10, minor = image.compute % 10;
    bool runs = image.feature ? major == device->major && minor == device->minor
                              : major == device->major && minor <= device->minor;
    if (!runs)
        return CK_CUDA_ERROR_NO_BINARY_FOR_GPU;
    Module added;
    added.device = device;
    added.kernels = image.kernels;
    *module = (CUmodule)machine.modules.add(std::move(added));
    return 0;
}

int cuModuleUnload(Machine &machine, CUmodule handle) {
    Device *device = nullptr;
    int broken = machine.context(device);
    if (!device)
        return broken;
    Module *module = machine.modules.find(handle);
    if (!module) {
        machine.violate("cuModuleUnload of what is no module, or no longer");
        return error_invalid_handle;
    }
    module->unloaded = true;
    for (const auto &[name, function] : module->functions)
        machine.functions.erase(function.get());
    machine.modules.forget(handle);
    return broken;
}

int cuModuleGetFunction(Machine &machine, CUfunction *function, CUmodule handle, const char *name) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    Module *module = machine.modules.find(handle);
    if (!module || module->device != device) {
        machine.violate("cuModuleGetFunction: the module does not exist here");
        return error_invalid_handle;
    }
    if (!function || !name)
        return CK_CUDA_ERROR_INVALID_VALUE;
    for (const auto &[kernel, local_bytes] : module->kernels) {
        if (kernel != name)
            continue;
        std::unique_ptr<Function> &added = module->functions[name];
        if (!added) {
            added = std::make_unique<Function>();
            added->module = module;
            added->name = name;
            added->kernel = emulation_find(name);
            added->local_bytes = local_bytes;
        }
        machine.functions.insert(added.get());
        *function = (CUfunction)added.get();
        return 0;
    }
    return CK_CUDA_ERROR_NOT_FOUND;
}

/// The function of a handle, NULL if there is none.
static Function *find_function(Machine &machine, CUfunction handle) {
    return machine.functions.count(handle) ? (Function *)handle : nullptr;
}

int cuFuncGetAttribute(Machine &machine, int *value, int attribute, CUfunction handle) {
    Function *function = find_function(machine, handle);
    if (!function)
        return error_invalid_handle;
    switch (attribute) {
    case 0: // the most threads of a block
        *value = function->kernel ? emulation_kernel_threads(function->kernel) : 1024;
        return 0;
    case 1: // static shared memory
        *value = 0;
        return 0;
    case CK_FUNCTION_LOCAL_BYTES:
        *value = function->local_bytes;
        return 0;
    case CK_FUNCTION_REGISTERS:
        *value = 128;
        return 0;
    case CK_FUNCTION_MAX_DYNAMIC_SHARED_BYTES:
        *value = function->dynamic_shared_bytes;
        return 0;
    case CK_FUNCTION_SHARED_CARVEOUT:
        *value = function->carveout;
        return 0;
    default:
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
}

int cuFuncSetAttribute(Machine &machine, CUfunction handle, int attribute, int value) {
    Function *function = find_function(machine, handle);
    if (!function)
        return error_invalid_handle;
    Device &device = *function->module->device;
    if (device.error)
        return device.error;
    if (attribute == CK_FUNCTION_SHARED_CARVEOUT) { // a hint
        function->carveout = value;
        return value < -1 || value > 100 ? CK_CUDA_ERROR_INVALID_VALUE : 0;
    }
    if (attribute != CK_FUNCTION_MAX_DYNAMIC_SHARED_BYTES || value < 0)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (value > device.shared_bytes_optin()) {
        machine.violate("%s asks for %d bytes of shared memory, the GPU has %d", function->name.c_str(), value,
                        device.shared_bytes_optin());
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
    function->dynamic_shared_bytes = value;
    return 0;
}

// ---- Launches

/// Whatever the arguments hold that lies in memory of the GPU; tensor maps hold their base.
static std::vector<Touch> pointers_in(Device &device, Machine &machine, const std::vector<uint64_t> &words) {
    std::vector<Touch> touches;
    for (uint64_t word : words)
        if (machine.find(device, word))
            touches.push_back({word, 1});
    return touches;
}

static int check_launch(Machine &machine, const Function &function, const unsigned grid[3], const unsigned block[3],
                        unsigned shared_bytes) {
    const char *name = function.name.c_str();
    auto refuse = [&](const char *what, unsigned value, unsigned most) {
        machine.violate("launch of %s: %s is %u, at most %u and at least 1 is possible", name, what, value, most);
        return CK_CUDA_ERROR_INVALID_VALUE;
    };
    const unsigned most_blocks[3] = {0x7fffffff, 65535, 65535}, most_threads[3] = {1024, 1024, 64};
    for (int i = 0; i < 3; i++)
        if (!grid[i] || grid[i] > most_blocks[i])
            return refuse("an extent of the grid", grid[i], most_blocks[i]);
    for (int i = 0; i < 3; i++)
        if (!block[i] || block[i] > most_threads[i])
            return refuse("an extent of the block", block[i], most_threads[i]);
    unsigned bound = (unsigned)emulation_kernel_threads(function.kernel);
    if (block[0] * block[1] * block[2] > bound)
        return refuse("the number of threads", block[0] * block[1] * block[2], bound);
    if (block[1] != 1 || block[2] != 1) {
        machine.violate("launch of %s: kernels know only one dimension of threads", name);
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
    if (shared_bytes > (unsigned)function.dynamic_shared_bytes) {
        machine.violate("launch of %s with %u bytes of shared memory, %d are allowed to it", name, shared_bytes,
                        function.dynamic_shared_bytes);
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
    return 0;
}

/// Says which memory a kernel wanted when it reached for this address.
static void describe_fault(Machine &machine, Device &device, const char *kernel, ck_address address) {
    auto after = device.allocations.upper_bound(address);
    if (after == device.allocations.begin()) {
        machine.violate("%s reaches for %#llx, which never was memory", kernel, address);
        return;
    }
    const Allocation &allocation = std::prev(after)->second;
    ck_address distance = address - allocation.base;
    if (distance < allocation.bytes)
        machine.violate("%s reaches for memory at %#llx, %s", kernel, address,
                        allocation.freed ? "which was freed" : "which is not yet allocated");
    else
        machine.violate("%s reaches for %#llx, %llu bytes past the end of %zu bytes of memory", kernel, address,
                        distance - allocation.bytes, allocation.bytes);
}

/// Reports arrays beside which something was written. A CUresult.
static int check_surroundings(Machine &machine, Device &device, const char *kernel, const std::vector<Touch> &touches) {
    int error = 0;
    for (const Touch &touch : touches) {
        Allocation *allocation = machine.find(device, touch.address);
        if (allocation && allocation->live && !allocation->is_intact()) {
            error = CK_CUDA_ERROR_ILLEGAL_ADDRESS;
            machine.violate("%s writes beside %zu bytes of memory at %#llx", kernel, allocation->bytes,
                            allocation->base);
            allocation->surround();
        }
    }
    return error;
}

/// Runs a kernel to its end. A CUresult.
static int run_kernel(Machine &machine, const Function &function, const unsigned grid[3], unsigned threads,
                      unsigned shared_bytes, const void *arguments, const std::vector<Touch> &touches) {
    Device &device = *function.module->device;
    const char *name = function.name.c_str();
    if (function.module->unloaded) {
        machine.violate("%s ran after its module was unloaded", name);
        return CK_CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    if (machine.kernels_until_fault && --machine.kernels_until_fault == 0)
        return machine.kernel_error;
    if (auto doom = machine.doomed.find(function.name); doom != machine.doomed.end()) {
        while (!doom->second)
            pause();
        return doom->second;
    }
    machine.kernel_runs[function.name]++;
    emulation_options options = {};
    options.seed = machine.random();
    options.cpu_threads = machine.config.cpu_threads;
    emulation_result *result = emulation_launch(function.kernel, grid, threads, shared_bytes, arguments, &options);
    size_t violations = emulation_result_violation_count(result);
    for (size_t i = 0; i < violations; i++)
        machine.violate("%s: %s", name, emulation_result_violation(result, i));
    for (size_t i = 0; i < emulation_result_fault_count(result); i++)
        describe_fault(machine, device, name, (ck_address)emulation_result_fault(result, i));
    emulation_result_free(result);
    int error = check_surroundings(machine, device, name, touches);
    return violations ? CK_CUDA_ERROR_ILLEGAL_ADDRESS : error;
}

int cuLaunchKernel(Machine &machine, CUfunction handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream_handle,
                   void **arguments, void **extra) {
    Device *device;
    Stream *stream;
    if (int error = machine.stream(stream_handle, device, stream))
        return error;
    Function *function = find_function(machine, handle);
    if (!function || function->module->device != device) {
        machine.violate("cuLaunchKernel: the function does not exist here");
        return error_invalid_handle;
    }
    if (!function->kernel) {
        machine.violate("%s is in a module's text, but the emulator does not have it", function->name.c_str());
        return CK_CUDA_ERROR_NOT_FOUND;
    }
    if (!arguments || !arguments[0] || extra) {
        machine.violate("launch of %s: the fake takes arguments one by one", function->name.c_str());
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
    struct {
        unsigned grid[3], block[3];
    } shape = {{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}};
    if (int error = check_launch(machine, *function, shape.grid, shape.block, shared_bytes))
        return error;
    // As aligned as tensor maps want to be.
    struct alignas(64) Line {
        unsigned char bytes[64];
    };
    size_t bytes = emulation_kernel_argument_bytes(function->kernel);
    auto copy = std::make_shared<std::vector<Line>>((bytes + 63) / 64);
    memcpy(copy->data(), arguments[0], bytes);
    std::vector<uint64_t> words(bytes / 8);
    memcpy(words.data(), arguments[0], words.size() * 8);
    std::vector<Touch> touches = pointers_in(*device, machine, words);
    return machine.submit(*stream, {function->name.c_str(), touches, 0.01, [=, &machine] {
                                        return run_kernel(machine, *function, shape.grid, shape.block[0], shared_bytes,
                                                          copy->data(), touches);
                                    }});
}

// ---- Tensor maps

int cuTensorMapEncodeTiled(Machine &machine, void *map, int dtype, unsigned rank, ck_address base,
                           const uint64_t *extents, const uint64_t *strides, const uint32_t *box,
                           const uint32_t *element_strides, int interleave, int swizzle, int promotion, int fill) {
    auto refuse = [&](const std::string &what) {
        machine.violate("cuTensorMapEncodeTiled: %s", what.c_str());
        return CK_CUDA_ERROR_INVALID_VALUE;
    };
    if ((uintptr_t)map % 64)
        return refuse("the map's address is not a multiple of 64");
    if (dtype != CK_TENSOR_MAP_BF16 && dtype != CK_TENSOR_MAP_F32)
        return refuse("the fake does not know dtype " + std::to_string(dtype));
    size_t element = dtype == CK_TENSOR_MAP_BF16 ? 2 : 4;
    if (rank < 1 || rank > 5)
        return refuse("rank " + std::to_string(rank));
    if (!base || base % 16)
        return refuse("the array's address is not a multiple of 16");
    if (interleave || fill)
        return refuse("the fake knows neither interleaved layouts nor the fill with NaN");
    if (promotion < 0 || promotion > 3)
        return refuse("L2 promotion " + std::to_string(promotion));
    const size_t inner_most[4] = {~size_t(0), 32, 64, 128};
    if (swizzle < 0 || swizzle > 3)
        return refuse("swizzle " + std::to_string(swizzle));
    ck_tensor_layout layout = {};
    layout.base = base;
    layout.dtype = dtype;
    layout.swizzle = swizzle;
    layout.rank = (int)rank;
    uint64_t least_stride = 0;
    for (unsigned i = 0; i < rank; i++) {
        std::string dimension = " of dimension " + std::to_string(i);
        if (!extents[i] || extents[i] > uint64_t(1) << 32)
            return refuse("extent " + std::to_string(extents[i]) + dimension);
        if (!box[i] || box[i] > 256)
            return refuse("box " + std::to_string(box[i]) + dimension);
        if (element_strides[i] != 1)
            return refuse("element stride " + std::to_string(element_strides[i]) + dimension);
        if (i && (strides[i - 1] % 16 || strides[i - 1] >= uint64_t(1) << 40))
            return refuse("stride " + std::to_string(strides[i - 1]) + dimension);
        if (i && strides[i - 1] < least_stride)
            return refuse("stride " + std::to_string(strides[i - 1]) + dimension + " is less than what it steps over");
        if (i == 0)
            least_stride = extents[0] * element;
        layout.extents[i] = extents[i];
        layout.box[i] = box[i];
        if (i)
            layout.strides[i - 1] = strides[i - 1];
    }
    size_t inner = box[0] * element;
    if (inner % 16)
        return refuse("the box's inner dimension of " + std::to_string(inner) + " bytes is not a multiple of 16");
    if (inner > inner_most[swizzle])
        return refuse("the box's inner dimension of " + std::to_string(inner) + " bytes is wider than the swizzle");
    if (emulation_write_tensor_map(&layout, (ck_tensor_map *)map))
        return refuse("a box that the emulation does not know");
    return 0;
}

} // namespace fake
