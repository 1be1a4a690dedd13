#define CK_WIDTH 4
#define CK_HALF 0
#define CK_PAIRS 0
#define CK_VNNI 0
#define CK_KERNELS ck_kernels_baseline
#include "simd_kernels.h"
