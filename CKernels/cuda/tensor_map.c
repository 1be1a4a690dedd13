// What the bulk copy engine of sm_90 is told of an array.
#include "ck_cuda.h"

#include <string.h>

int ck_tensor_map_encode(const ck_driver *driver, const ck_tensor_layout *layout, ck_tensor_map *map) {
    static const uint32_t ones[5] = {1, 1, 1, 1, 1};
    // The driver wants its map aligned; callers keep theirs inside the arguments of a kernel.
    _Alignas(64) ck_tensor_map aligned;
    int status = driver->cuTensorMapEncodeTiled(&aligned, layout->dtype, (unsigned)layout->rank, layout->base,
                                                layout->extents, layout->strides, layout->box, ones, 0, layout->swizzle,
                                                CK_TENSOR_MAP_PROMOTE_L2_256B, 0);
    if (status == CK_CUDA_SUCCESS)
        memcpy(map, &aligned, sizeof aligned);
    return status;
}
