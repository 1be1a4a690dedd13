#include "emulated_device_sm90.h"

namespace convolution_sm90_kernels {
#include "../../CKernels/cuda/product_sm90.cuh"

#include "../../CKernels/cuda/convolution_sm90.cuh"
} // namespace convolution_sm90_kernels
