#include "../../CKernels/include/ckernels.h"
#include "emulated_device.h"
#include "product.h"

namespace gemm_kernels {
#include "../../CKernels/cuda/product.cuh"

#include "../../CKernels/cuda/gemm.cuh"
} // namespace gemm_kernels

namespace convolution_kernels {
#include "../../CKernels/cuda/product.cuh"

#include "../../CKernels/cuda/convolution.cuh"
} // namespace convolution_kernels

// Plain multiply-adds are calls of libm for a processor without an instruction for them, so these kernels are here
// twice. Nothing but what says fmaf is joined to one: both give the same numbers.
#pragma clang fp contract(off)

#undef RUNS_HERE
#define RUNS_HERE !emulation::has_avx2()
namespace simt_kernels {
#include "../../CKernels/cuda/product.cuh"

#include "../../CKernels/cuda/convolution_simt.cuh"
#include "../../CKernels/cuda/gemm_simt.cuh"
} // namespace simt_kernels

#if defined(__x86_64__)
#undef RUNS_HERE
#define RUNS_HERE emulation::has_avx2()
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace simt_kernels_avx2 {
#include "../../CKernels/cuda/product.cuh"

#include "../../CKernels/cuda/convolution_simt.cuh"
#include "../../CKernels/cuda/gemm_simt.cuh"
} // namespace simt_kernels_avx2
#pragma clang attribute pop
#endif

static_assert((int)gemm_kernels::DTYPE_F32 == CK_DTYPE_F32 && (int)gemm_kernels::DTYPE_BF16 == CK_DTYPE_BF16 &&
                  (int)gemm_kernels::DTYPE_F16 == CK_DTYPE_F16,
              "the kernels' dtypes are those of the host");
static_assert((int)gemm_kernels::EPILOGUE_NONE == CK_EPILOGUE_NONE &&
                  (int)gemm_kernels::EPILOGUE_GELU == CK_EPILOGUE_GELU &&
                  (int)gemm_kernels::EPILOGUE_SILU == CK_EPILOGUE_SILU &&
                  (int)gemm_kernels::EPILOGUE_ADD == CK_EPILOGUE_ADD &&
                  (int)gemm_kernels::EPILOGUE_GATED_ADD == CK_EPILOGUE_GATED_ADD,
              "the kernels' epilogues are those of the host");
