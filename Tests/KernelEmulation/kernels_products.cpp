#include "../../CKernels/include/ckernels.h"
#include "emulated_device.h"

namespace gemm_kernels {
#include "../../CKernels/cuda/product.cuh"

#include "../../CKernels/cuda/gemm.cuh"
} // namespace gemm_kernels

namespace gemm_simt_kernels {
#include "../../CKernels/cuda/product.cuh"

#include "../../CKernels/cuda/gemm_simt.cuh"
} // namespace gemm_simt_kernels

namespace convolution_kernels {
#include "../../CKernels/cuda/product.cuh"

#include "../../CKernels/cuda/convolution.cuh"
} // namespace convolution_kernels

namespace convolution_simt_kernels {
#include "../../CKernels/cuda/product.cuh"

#include "../../CKernels/cuda/convolution_simt.cuh"
} // namespace convolution_simt_kernels

static_assert((int)gemm_kernels::DTYPE_F32 == CK_DTYPE_F32 && (int)gemm_kernels::DTYPE_BF16 == CK_DTYPE_BF16 &&
                  (int)gemm_kernels::DTYPE_F16 == CK_DTYPE_F16,
              "the kernels' dtypes are those of the host");
static_assert((int)gemm_kernels::EPILOGUE_NONE == CK_EPILOGUE_NONE &&
                  (int)gemm_kernels::EPILOGUE_GELU == CK_EPILOGUE_GELU &&
                  (int)gemm_kernels::EPILOGUE_SILU == CK_EPILOGUE_SILU &&
                  (int)gemm_kernels::EPILOGUE_ADD == CK_EPILOGUE_ADD &&
                  (int)gemm_kernels::EPILOGUE_GATED_ADD == CK_EPILOGUE_GATED_ADD,
              "the kernels' epilogues are those of the host");
