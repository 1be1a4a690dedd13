// The kernels as text, for NVRTC.
#include "ck_cuda.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

#define FILE(name) static const ck_cuda_file name

// clang-format off
FILE(arguments) = {"ck_cuda_arguments.h", (const char[]){
#embed "../include/ck_cuda_arguments.h" suffix(, 0)
}};
FILE(device) = {"device.cuh", (const char[]){
#embed "device.cuh" suffix(, 0)
}};
// clang-format on

#define FILES(...) (const ck_cuda_file *const[]) { &arguments, &device, __VA_ARGS__ }
#define TEXT(name, needs_sm90, ...)                                                                                    \
    {#name, FILES(__VA_ARGS__), sizeof FILES(__VA_ARGS__) / sizeof(ck_cuda_file *), needs_sm90}

const ck_cuda_text *ck_cuda_texts(size_t *count) {
    *count = 0;
    return NULL;
}
