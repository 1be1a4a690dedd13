#include "emulated_device_sm90.h"

namespace attention_sm90_kernels {
#include "../../CKernels/cuda/attention_sm90.cuh"
}
