#include "ck_cuda.h"

#include <string.h>

int ck_tensor_map_encode(const ck_driver *driver, ck_tensor_map *map, ck_address base, int rank,
                         const uint64_t *extents, const uint64_t *strides, const uint32_t *box) {
    static const uint32_t ones[5] = {1, 1, 1, 1, 1};
    _Alignas(64) ck_tensor_map aligned;
    int status =
        driver->cuTensorMapEncodeTiled(&aligned, CK_TENSOR_MAP_BF16, (unsigned)rank, base, extents, strides, box, ones,
                                       0, CK_TENSOR_MAP_SWIZZLE_128B, CK_TENSOR_MAP_PROMOTE_L2_256B, 0);
    if (status == CK_CUDA_SUCCESS)
        memcpy(map, &aligned, sizeof aligned);
    return status;
}
