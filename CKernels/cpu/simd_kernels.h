// All inner loops of one instruction set; the including file has defined CK_KERNELS as the name of their table.
#include "simd_attention.h"

const struct ck_kernels CK_KERNELS = {
    .attention_bytes = attention_bytes,
    .attention_packed = attention_packed,
    .attention_pack = attention_pack,
    .attend_block = attend_block,
};
