#include "emulated_device.h"

namespace softmax_kernels {
#include "../../CKernels/cuda/softmax.cuh"
}
