#include "emulated_device.h"

namespace quantised_kernels {
#include "../../CKernels/cuda/quantised.cuh"
}
