#include "emulated_device.h"

namespace norm_kernels {
#include "../../CKernels/cuda/norm.cuh"
}
