#include "emulated_device_sm90.h"

namespace gemm_sm90_kernels {
#include "../../CKernels/cuda/product_sm90.cuh"

#include "../../CKernels/cuda/gemm_sm90.cuh"
} // namespace gemm_sm90_kernels
