// The kernels as text, for NVRTC. A module is one FILE and one TEXT.
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
FILE(product) = {"product.cuh", (const char[]){
#embed "product.cuh" suffix(, 0)
}};
FILE(device_sm90) = {"device_sm90.cuh", (const char[]){
#embed "device_sm90.cuh" suffix(, 0)
}};
FILE(wgmma) = {"wgmma.cuh", (const char[]){
#embed "wgmma.cuh" suffix(, 0)
}};
FILE(product_sm90) = {"product_sm90.cuh", (const char[]){
#embed "product_sm90.cuh" suffix(, 0)
}};
FILE(attention_sm90) = {"attention_sm90.cuh", (const char[]){
#embed "attention_sm90.cuh" suffix(, 0)
}};
FILE(convolution_sm90) = {"convolution_sm90.cuh", (const char[]){
#embed "convolution_sm90.cuh" suffix(, 0)
}};
FILE(gemm_sm90) = {"gemm_sm90.cuh", (const char[]){
#embed "gemm_sm90.cuh" suffix(, 0)
}};
FILE(attention) = {"attention.cuh", (const char[]){
#embed "attention.cuh" suffix(, 0)
}};
FILE(convolution) = {"convolution.cuh", (const char[]){
#embed "convolution.cuh" suffix(, 0)
}};
FILE(gemm) = {"gemm.cuh", (const char[]){
#embed "gemm.cuh" suffix(, 0)
}};
FILE(convolution_simt) = {"convolution_simt.cuh", (const char[]){
#embed "convolution_simt.cuh" suffix(, 0)
}};
FILE(gemm_simt) = {"gemm_simt.cuh", (const char[]){
#embed "gemm_simt.cuh" suffix(, 0)
}};
FILE(norm) = {"norm.cuh", (const char[]){
#embed "norm.cuh" suffix(, 0)
}};
FILE(softmax) = {"softmax.cuh", (const char[]){
#embed "softmax.cuh" suffix(, 0)
}};
FILE(elementwise) = {"elementwise.cuh", (const char[]){
#embed "elementwise.cuh" suffix(, 0)
}};
FILE(quantised) = {"quantised.cuh", (const char[]){
#embed "quantised.cuh" suffix(, 0)
}};
FILE(layout) = {"layout.cuh", (const char[]){
#embed "layout.cuh" suffix(, 0)
}};
// clang-format on

#define FILES(...)                                                                                                     \
    (const ck_cuda_file *const[]) { &arguments, &device, __VA_ARGS__ }
#define TEXT(name, needs_sm90, ...)                                                                                    \
    { #name, FILES(__VA_ARGS__), sizeof FILES(__VA_ARGS__) / sizeof(ck_cuda_file *), needs_sm90 }
#define WARPGROUPS &device_sm90, &wgmma

// What takes longest to compile, and is waited for first, is first.
static const ck_cuda_text texts[] = {
    TEXT(attention_sm90, 1, WARPGROUPS, &attention_sm90),
    TEXT(convolution_sm90, 1, WARPGROUPS, &product_sm90, &convolution_sm90),
    TEXT(gemm_sm90, 1, WARPGROUPS, &product_sm90, &gemm_sm90),
    TEXT(attention, 0, &attention),
    TEXT(convolution, 0, &product, &convolution),
    TEXT(gemm, 0, &product, &gemm),
    TEXT(convolution_simt, 0, &product, &convolution_simt),
    TEXT(gemm_simt, 0, &product, &gemm_simt),
    TEXT(norm, 0, &norm),
    TEXT(softmax, 0, &softmax),
    TEXT(elementwise, 0, &elementwise),
    TEXT(layout, 0, &layout),
    TEXT(quantised, 0, &quantised),
};

const ck_cuda_text *ck_cuda_texts(size_t *count) {
    *count = sizeof texts / sizeof *texts;
    return texts;
}
