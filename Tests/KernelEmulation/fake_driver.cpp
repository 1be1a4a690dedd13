// libcuda: errors, devices, contexts.

#include "fake_machine.h"

#include <algorithm>
#include <cstdio>

namespace fake {

namespace {

struct ErrorText {
    int error;
    const char *name, *text;
};
const ErrorText error_texts[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {4, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {401, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {715, "CUDA_ERROR_ILLEGAL_INSTRUCTION", "an illegal instruction was encountered"},
    {716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"},
    {905, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "dependency created on uncaptured work in another stream"},
    {906, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
     "operation would make the legacy stream depend on a capturing "
     "blocking stream"},
    {907, "CUDA_ERROR_CAPTURED_EVENT", "operation not permitted on an event last recorded in a capturing stream"},
    {908, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const ErrorText *error_text(int error) {
    for (const ErrorText &text : error_texts)
        if (text.error == error)
            return &text;
    return nullptr;
}

/// The device with this number, NULL if there is none.
Device *device_at(Machine &machine, int number) {
    bool exists = number >= 0 && (size_t)number < machine.devices.size();
    return exists ? machine.devices[(size_t)number].get() : nullptr;
}

} // namespace

int Machine::context(Device *&device) {
    if (!initialized)
        return error_not_initialized;
    auto found = current.find(std::this_thread::get_id());
    device = found == current.end() ? nullptr : found->second;
    if (!device || !device->retained)
        return error_invalid_context;
    return device->error;
}

int cuInit(Machine &machine, unsigned flags) {
    if (flags)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (machine.devices.empty())
        return CK_CUDA_ERROR_NO_DEVICE;
    machine.initialized = true;
    return 0;
}

int cuDriverGetVersion(Machine &machine, int *version) {
    *version = machine.config.driver_version;
    return 0;
}

int cuGetErrorName(Machine &, int error, const char **name) {
    const ErrorText *text = error_text(error);
    *name = text ? text->name : nullptr;
    return text ? 0 : CK_CUDA_ERROR_INVALID_VALUE;
}

int cuGetErrorString(Machine &, int error, const char **string) {
    const ErrorText *text = error_text(error);
    *string = text ? text->text : nullptr;
    return text ? 0 : CK_CUDA_ERROR_INVALID_VALUE;
}

int cuDeviceGetCount(Machine &machine, int *count) {
    if (!machine.initialized)
        return error_not_initialized;
    *count = (int)machine.devices.size();
    return 0;
}

int cuDeviceGet(Machine &machine, int *device, int ordinal) {
    if (!machine.initialized)
        return error_not_initialized;
    if (!device_at(machine, ordinal))
        return CK_CUDA_ERROR_INVALID_DEVICE;
    *device = ordinal;
    return 0;
}

int cuDeviceGetName(Machine &machine, char *name, int length, int number) {
    if (!machine.initialized)
        return error_not_initialized;
    Device *device = device_at(machine, number);
    if (!device)
        return CK_CUDA_ERROR_INVALID_DEVICE;
    if (length <= 0)
        return CK_CUDA_ERROR_INVALID_VALUE;
    snprintf(name, (size_t)length, "%s", device->name.c_str());
    return 0;
}

int cuDeviceGetPCIBusId(Machine &machine, char *text, int length, int number) {
    if (!machine.initialized)
        return error_not_initialized;
    if (!device_at(machine, number))
        return CK_CUDA_ERROR_INVALID_DEVICE;
    if (length < 13)
        return CK_CUDA_ERROR_INVALID_VALUE;
    // The bus counts down: numbers of CUDA and of the bus need not agree.
    snprintf(text, (size_t)length, "0000:%02X:00.0", (unsigned)(0x40 - number) & 0xFF);
    return 0;
}

int cuDeviceGetAttribute(Machine &machine, int *value, int attribute, int number) {
    if (!machine.initialized)
        return error_not_initialized;
    Device *device = device_at(machine, number);
    if (!device)
        return CK_CUDA_ERROR_INVALID_DEVICE;
    switch (attribute) {
    case 1: // threads of a block
        *value = 1024;
        return 0;
    case 8: // shared memory of a block that did not ask for more
        *value = 48 << 10;
        return 0;
    case CK_DEVICE_MULTIPROCESSORS:
        *value = device->multiprocessors;
        return 0;
    case CK_DEVICE_COMPUTE_MAJOR:
        *value = device->major;
        return 0;
    case CK_DEVICE_COMPUTE_MINOR:
        *value = device->minor;
        return 0;
    case 81: // shared memory of a multiprocessor
        *value = device->shared_bytes_optin() + 1024;
        return 0;
    case CK_DEVICE_SHARED_BYTES_OPTIN:
        *value = device->shared_bytes_optin();
        return 0;
    case CK_DEVICE_MEMORY_POOLS:
        *value = machine.config.memory_pools;
        return 0;
    default:
        machine.violate("cuDeviceGetAttribute: the fake does not know attribute %d", attribute);
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
}

int cuDeviceTotalMem_v2(Machine &machine, size_t *bytes, int number) {
    if (!machine.initialized)
        return error_not_initialized;
    Device *device = device_at(machine, number);
    if (!device)
        return CK_CUDA_ERROR_INVALID_DEVICE;
    *bytes = device->memory_bytes;
    return 0;
}

int cuDevicePrimaryCtxRetain(Machine &machine, CUcontext *context, int number) {
    if (!machine.initialized)
        return error_not_initialized;
    Device *device = device_at(machine, number);
    if (!device)
        return CK_CUDA_ERROR_INVALID_DEVICE;
    if (device->error)
        return device->error;
    device->retained++;
    *context = (CUcontext)device;
    return 0;
}

int cuDevicePrimaryCtxRelease_v2(Machine &machine, int number) {
    if (!machine.initialized)
        return error_not_initialized;
    Device *device = device_at(machine, number);
    if (!device)
        return CK_CUDA_ERROR_INVALID_DEVICE;
    if (!device->retained) {
        machine.violate("cuDevicePrimaryCtxRelease: the context of GPU %d is not retained", number);
        return error_invalid_context;
    }
    if (--device->retained == 0)
        machine.run_all();
    return device->error;
}

int cuCtxSetCurrent(Machine &machine, CUcontext context) {
    if (!machine.initialized)
        return error_not_initialized;
    Device *device = nullptr;
    for (const auto &candidate : machine.devices)
        if ((CUcontext)candidate.get() == context)
            device = candidate.get();
    if (context && (!device || !device->retained))
        return error_invalid_context;
    machine.current[std::this_thread::get_id()] = device;
    return device ? device->error : 0;
}

} // namespace fake
