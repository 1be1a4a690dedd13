#include "emulated_device.h"

namespace attention_kernels {
#include "../../CKernels/cuda/attention.cuh"
}
