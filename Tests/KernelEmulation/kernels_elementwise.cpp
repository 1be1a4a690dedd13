#include "emulated_device.h"

namespace elementwise_kernels {
#include "../../CKernels/cuda/elementwise.cuh"
}
