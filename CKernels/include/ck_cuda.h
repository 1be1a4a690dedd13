// NVIDIA's libraries as tables of functions that are filled at run time, and the text of our kernels.
//
// Only what is called is declared, with the types of the libraries' own headers spelled in plain C, so that building
// needs no CUDA toolkit. Signatures follow the CUDA Driver API, NVRTC and cuBLASLt reference manuals; names with a
// suffix such as _v2 are the symbols behind the manual's plain names.
#ifndef CK_CUDA_H
#define CK_CUDA_H

#include "ck_cuda_arguments.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Kernel text

/// A file of kernel text, zero-terminated.
typedef struct ck_cuda_file {
    const char *name; ///< "attention.cuh", …
    const char *text;
} ck_cuda_file;

/// One unit of compilation: files that NVRTC is given as one, in this order.
typedef struct ck_cuda_text {
    const char *name; ///< "attention", …
    const ck_cuda_file *const *files;
    size_t file_count;
    int needs_sm90; ///< compiled for sm_90a only
} ck_cuda_text;

/// All of them; the number is written to `count`.
const ck_cuda_text *ck_cuda_texts(size_t *count);

// ---- Filling a table

/// Gives the address of a symbol, or NULL.
typedef void *(*ck_lookup)(void *context, const char *symbol);

/// The lookup in an opened library, with its handle as context.
void *ck_library_symbol(void *handle, const char *symbol);
/// Where an opened library lies, NULL where nobody knows; lives as long as the library is open.
const char *ck_library_path(void *handle);

// ---- libcuda

typedef struct ck_cu_context *CUcontext;
typedef struct ck_cu_stream *CUstream;
typedef struct ck_cu_event *CUevent;
typedef struct ck_cu_module *CUmodule;
typedef struct ck_cu_function *CUfunction;
typedef struct ck_cu_pool *CUmemoryPool;
typedef struct ck_cu_graph *CUgraph;
typedef struct ck_cu_graph_exec *CUgraphExec;

/// name, arguments; every function returns a CUresult, 0 for success.
#define CK_DRIVER_FUNCTIONS(F)                                                                                         \
    F(cuInit, (unsigned flags))                                                                                        \
    F(cuDriverGetVersion, (int *version))                                                                              \
    F(cuGetErrorName, (int error, const char **name))                                                                  \
    F(cuGetErrorString, (int error, const char **text))                                                                \
    F(cuDeviceGetCount, (int *count))                                                                                  \
    F(cuDeviceGet, (int *device, int ordinal))                                                                         \
    F(cuDeviceGetName, (char *name, int length, int device))                                                           \
    F(cuDeviceGetPCIBusId, (char *text, int length, int device))                                                       \
    F(cuDeviceGetAttribute, (int *value, int attribute, int device))                                                   \
    F(cuDeviceTotalMem_v2, (size_t * bytes, int device))                                                               \
    F(cuDevicePrimaryCtxRetain, (CUcontext * context, int device))                                                     \
    F(cuDevicePrimaryCtxRelease_v2, (int device))                                                                      \
    F(cuCtxSetCurrent, (CUcontext context))                                                                            \
    F(cuMemGetInfo_v2, (size_t * free, size_t * total))                                                                \
    F(cuDeviceGetDefaultMemPool, (CUmemoryPool * pool, int device))                                                    \
    F(cuMemPoolTrimTo, (CUmemoryPool pool, size_t keep))                                                               \
    F(cuMemAllocAsync, (ck_address * address, size_t bytes, CUstream stream))                                          \
    F(cuMemFreeAsync, (ck_address address, CUstream stream))                                                           \
    F(cuMemAlloc_v2, (ck_address * address, size_t bytes))                                                             \
    F(cuMemFree_v2, (ck_address address))                                                                              \
    F(cuMemAllocHost_v2, (void **host, size_t bytes))                                                                  \
    F(cuMemFreeHost, (void *host))                                                                                     \
    F(cuMemcpyHtoDAsync_v2, (ck_address to, const void *from, size_t bytes, CUstream stream))                          \
    F(cuMemcpyDtoHAsync_v2, (void *to, ck_address from, size_t bytes, CUstream stream))                                \
    F(cuMemcpyDtoDAsync_v2, (ck_address to, ck_address from, size_t bytes, CUstream stream))                           \
    F(cuMemsetD8Async, (ck_address to, unsigned char value, size_t bytes, CUstream stream))                            \
    F(cuStreamCreate, (CUstream * stream, unsigned flags))                                                             \
    F(cuStreamDestroy_v2, (CUstream stream))                                                                           \
    F(cuStreamSynchronize, (CUstream stream))                                                                          \
    F(cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags))                                             \
    F(cuStreamBeginCapture_v2, (CUstream stream, int mode))                                                            \
    F(cuStreamEndCapture, (CUstream stream, CUgraph * graph))                                                          \
    F(cuGraphInstantiateWithFlags, (CUgraphExec * executable, CUgraph graph, unsigned long long flags))                \
    F(cuGraphLaunch, (CUgraphExec executable, CUstream stream))                                                        \
    F(cuGraphExecDestroy, (CUgraphExec executable))                                                                    \
    F(cuGraphDestroy, (CUgraph graph))                                                                                 \
    F(cuEventCreate, (CUevent * event, unsigned flags))                                                                \
    F(cuEventRecord, (CUevent event, CUstream stream))                                                                 \
    F(cuEventSynchronize, (CUevent event))                                                                             \
    F(cuEventElapsedTime, (float *milliseconds, CUevent start, CUevent end))                                           \
    F(cuEventDestroy_v2, (CUevent event))                                                                              \
    F(cuModuleLoadData, (CUmodule * module, const void *image))                                                        \
    F(cuModuleUnload, (CUmodule module))                                                                               \
    F(cuModuleGetFunction, (CUfunction * function, CUmodule module, const char *name))                                 \
    F(cuFuncGetAttribute, (int *value, int attribute, CUfunction function))                                            \
    F(cuFuncSetAttribute, (CUfunction function, int attribute, int value))                                             \
    F(cuLaunchKernel,                                                                                                  \
      (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,     \
       unsigned block_z, unsigned shared_bytes, CUstream stream, void **arguments, void **extra))                      \
    F(cuTensorMapEncodeTiled,                                                                                          \
      (void *map, int dtype, unsigned rank, ck_address base, const uint64_t *extents, const uint64_t *strides,         \
       const uint32_t *box, const uint32_t *element_strides, int interleave, int swizzle, int promotion, int fill))

#define CK_MEMBER(name, arguments) int(*name) arguments;

/// libcuda.so.1. cuTensorMapEncodeTiled is NULL in drivers before 12.0.
typedef struct ck_driver {
    CK_DRIVER_FUNCTIONS(CK_MEMBER)
} ck_driver;

/// Returns the first symbol that is missing, NULL if there is none.
const char *ck_driver_fill(ck_driver *driver, ck_lookup lookup, void *context);

/// An array as the copy engine is to see it: extents and box innermost first, strides in bytes of the dimensions from
/// the second on.
typedef struct ck_tensor_layout {
    ck_address base;
    int dtype;   ///< CK_TENSOR_MAP_BF16, …
    int swizzle; ///< CK_TENSOR_MAP_SWIZZLE_…
    int rank;
    uint64_t extents[5];
    uint64_t strides[4];
    uint32_t box[5];
} ck_tensor_layout;

/// Writes the map of an array; what lies outside arrives as zeros. A CUresult.
int ck_tensor_map_encode(const ck_driver *driver, const ck_tensor_layout *layout, ck_tensor_map *map);

/// The manual's numbers that we use.
enum {
    CK_CUDA_SUCCESS = 0,
    CK_CUDA_ERROR_INVALID_VALUE = 1,
    CK_CUDA_ERROR_OUT_OF_MEMORY = 2,
    CK_CUDA_ERROR_DEVICE_UNAVAILABLE = 46,
    CK_CUDA_ERROR_NO_DEVICE = 100,
    CK_CUDA_ERROR_INVALID_DEVICE = 101,
    CK_CUDA_ERROR_INVALID_IMAGE = 200,
    CK_CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
    CK_CUDA_ERROR_ECC_UNCORRECTABLE = 214,
    CK_CUDA_ERROR_NVLINK_UNCORRECTABLE = 220,
    CK_CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
    CK_CUDA_ERROR_CONTAINED = 226,
    CK_CUDA_ERROR_INVALID_SOURCE = 300,
    CK_CUDA_ERROR_NOT_FOUND = 500,
    CK_CUDA_ERROR_ILLEGAL_ADDRESS = 700,
    CK_CUDA_ERROR_LAUNCH_TIMEOUT = 702,
    CK_CUDA_ERROR_CONTEXT_IS_DESTROYED = 709,
    CK_CUDA_ERROR_ASSERT = 710,
    CK_CUDA_ERROR_HARDWARE_STACK_ERROR = 714,
    CK_CUDA_ERROR_LAUNCH_FAILED = 719,
    CK_CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803,
    CK_CUDA_ERROR_UNKNOWN = 999,

    CK_DEVICE_MULTIPROCESSORS = 16,
    CK_DEVICE_COMPUTE_MAJOR = 75,
    CK_DEVICE_COMPUTE_MINOR = 76,
    CK_DEVICE_SHARED_BYTES_OPTIN = 97,
    CK_DEVICE_MEMORY_POOLS = 115,

    CK_FUNCTION_LOCAL_BYTES = 3,
    CK_FUNCTION_REGISTERS = 4,
    CK_FUNCTION_MAX_DYNAMIC_SHARED_BYTES = 8,
    CK_FUNCTION_SHARED_CARVEOUT = 9, ///< share of a multiprocessor's first cache that is shared memory, in percent

    CK_STREAM_NON_BLOCKING = 1,
    CK_EVENT_DISABLE_TIMING = 2,
    CK_CAPTURE_THREAD_LOCAL = 1,

    CK_TENSOR_MAP_F32 = 7,
    CK_TENSOR_MAP_BF16 = 9,
    CK_TENSOR_MAP_SWIZZLE_64B = 2,
    CK_TENSOR_MAP_SWIZZLE_128B = 3,
    CK_TENSOR_MAP_PROMOTE_L2_256B = 3
};

// ---- libnvrtc

typedef struct ck_nvrtc_program *nvrtcProgram;

/// name, arguments; every function returns an nvrtcResult, 0 for success.
#define CK_NVRTC_FUNCTIONS(F)                                                                                          \
    F(nvrtcVersion, (int *major, int *minor))                                                                          \
    F(nvrtcGetNumSupportedArchs, (int *count))                                                                         \
    F(nvrtcGetSupportedArchs, (int *archs))                                                                            \
    F(nvrtcCreateProgram, (nvrtcProgram * program, const char *text, const char *name, int header_count,               \
                           const char *const *headers, const char *const *header_names))                               \
    F(nvrtcCompileProgram, (nvrtcProgram program, int option_count, const char *const *options))                       \
    F(nvrtcGetProgramLogSize, (nvrtcProgram program, size_t * bytes))                                                  \
    F(nvrtcGetProgramLog, (nvrtcProgram program, char *log))                                                           \
    F(nvrtcGetCUBINSize, (nvrtcProgram program, size_t * bytes))                                                       \
    F(nvrtcGetCUBIN, (nvrtcProgram program, char *cubin))                                                              \
    F(nvrtcDestroyProgram, (nvrtcProgram * program))

typedef struct ck_nvrtc {
    CK_NVRTC_FUNCTIONS(CK_MEMBER)
} ck_nvrtc;

const char *ck_nvrtc_fill(ck_nvrtc *nvrtc, ck_lookup lookup, void *context);

// ---- libnvidia-ml

typedef struct ck_nvml_device *nvmlDevice_t;

/// name, arguments; every function returns an nvmlReturn_t, 0 for success.
#define CK_NVML_FUNCTIONS(F)                                                                                           \
    F(nvmlInit_v2, (void))                                                                                             \
    F(nvmlDeviceGetHandleByPciBusId_v2, (const char *bus, nvmlDevice_t *device))                                       \
    F(nvmlDeviceGetTotalEnergyConsumption, (nvmlDevice_t device, unsigned long long *millijoules))

typedef struct ck_nvml {
    CK_NVML_FUNCTIONS(CK_MEMBER)
} ck_nvml;

const char *ck_nvml_fill(ck_nvml *nvml, ck_lookup lookup, void *context);

// ---- libcublasLt

typedef struct ck_lt_handle *cublasLtHandle_t;
typedef struct ck_lt_desc *cublasLtMatmulDesc_t;
typedef struct ck_lt_layout *cublasLtMatrixLayout_t;
typedef struct ck_lt_preference *cublasLtMatmulPreference_t;

typedef struct ck_lt_algorithm {
    uint64_t words[8];
} ck_lt_algorithm;

/// cublasLtMatmulHeuristicResult_t
typedef struct ck_lt_choice {
    ck_lt_algorithm algorithm;
    size_t workspace_bytes;
    int status;
    float waves;
    int reserved[4];
} ck_lt_choice;

/// name, arguments; every function returns a cublasStatus_t, 0 for success.
#define CK_CUBLASLT_FUNCTIONS(F)                                                                                       \
    F(cublasLtCreate, (cublasLtHandle_t * handle))                                                                     \
    F(cublasLtDestroy, (cublasLtHandle_t handle))                                                                      \
    F(cublasLtMatmulDescCreate, (cublasLtMatmulDesc_t * desc, int compute_type, int scale_type))                       \
    F(cublasLtMatmulDescDestroy, (cublasLtMatmulDesc_t desc))                                                          \
    F(cublasLtMatmulDescSetAttribute, (cublasLtMatmulDesc_t desc, int attribute, const void *value, size_t bytes))     \
    F(cublasLtMatrixLayoutCreate,                                                                                      \
      (cublasLtMatrixLayout_t * layout, int dtype, uint64_t rows, uint64_t columns, int64_t leading))                  \
    F(cublasLtMatrixLayoutDestroy, (cublasLtMatrixLayout_t layout))                                                    \
    F(cublasLtMatmulPreferenceCreate, (cublasLtMatmulPreference_t * preference))                                       \
    F(cublasLtMatmulPreferenceDestroy, (cublasLtMatmulPreference_t preference))                                        \
    F(cublasLtMatmulPreferenceSetAttribute,                                                                            \
      (cublasLtMatmulPreference_t preference, int attribute, const void *value, size_t bytes))                         \
    F(cublasLtMatmulAlgoGetHeuristic,                                                                                  \
      (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,         \
       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t preference, int wanted,          \
       ck_lt_choice *choices, int *found))                                                                             \
    F(cublasLtMatmul,                                                                                                  \
      (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, ck_address a, cublasLtMatrixLayout_t al, \
       ck_address b, cublasLtMatrixLayout_t bl, const void *beta, ck_address c, cublasLtMatrixLayout_t cl,             \
       ck_address d, cublasLtMatrixLayout_t dl, const ck_lt_algorithm *algorithm, ck_address workspace,                \
       size_t workspace_bytes, CUstream stream))

typedef struct ck_cublaslt {
    CK_CUBLASLT_FUNCTIONS(CK_MEMBER)
} ck_cublaslt;

const char *ck_cublaslt_fill(ck_cublaslt *cublaslt, ck_lookup lookup, void *context);

/// The manual's numbers that we use.
enum {
    CK_LT_ALLOC_FAILED = 3,
    CK_LT_COMPUTE_32F = 68,
    CK_LT_R_32F = 0,
    CK_LT_R_16BF = 14,
    CK_LT_TRANSPOSE = 1,

    CK_LT_DESC_TRANSA = 3,
    CK_LT_DESC_TRANSB = 4,
    CK_LT_DESC_EPILOGUE = 7,
    CK_LT_DESC_BIAS_POINTER = 8,
    CK_LT_DESC_BIAS_DTYPE = 26,
    CK_LT_EPILOGUE_DEFAULT = 1,
    CK_LT_EPILOGUE_BIAS = 4,
    CK_LT_PREFERENCE_MAX_WORKSPACE_BYTES = 1
};

#ifdef __cplusplus
}
#endif

#endif
