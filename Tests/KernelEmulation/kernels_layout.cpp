#include "emulated_device.h"

namespace layout_kernels {
#include "../../CKernels/cuda/layout.cuh"
}
