// All inner loops of one instruction set; the including file has defined CK_KERNELS as the name of their table.
#include "simd_product.h"

#include "simd_attention.h"
#include "simd_dequantise.h"
#include "simd_elementwise.h"
#include "simd_gemm.h"
#include "simd_gemm_levels.h"
#include "simd_norm.h"
#include "simd_peak.h"
#include "simd_short_attention.h"
#include "simd_strassen.h"
#include "simd_winograd.h"

const struct ck_kernels CK_KERNELS = {
    .attention_bytes = attention_bytes,
    .attention_packed = attention_packed,
    .attention_pack = attention_pack,
    .attend_block = attend_block,
    .short_keys = short_keys,
    .short_bytes = short_bytes,
    .attend_short = attend_short,
    .gemm_packed = gemm_packed,
    .gemm_pack = gemm_pack,
    .gemm_bytes = gemm_bytes,
    .gemm_block = gemm_block,
    .gemm_dot = gemm_dot,
    .gemm_finish_rows = gemm_finish_rows,
    .strassen_columns = strassen_columns,
    .strassen_step = strassen_step,
    .strassen_row_step = strassen_axis * product_rows,
    .strassen_packed = strassen_packed,
    .strassen_pack_bytes = strassen_pack_bytes,
    .strassen_pack = strassen_pack,
    .strassen_bytes = strassen_bytes,
    .strassen_block = strassen_block,
    .winograd_packed = winograd_packed,
    .winograd_pack_bytes = winograd_pack_bytes,
    .winograd_pack = winograd_pack,
    .winograd_bytes = winograd_bytes,
    .winograd_block = winograd_block,
    .panel = panel,
    .dequantise = dequantise,
    .levels_group = levels_group,
    .levels_packed = levels_packed,
    .levels_pack_bytes = levels_pack_bytes,
    .levels_pack = levels_pack,
    .levels_bytes = levels_bytes,
    .levels_block = levels_block,
    .multiply_add = multiply_add,
    .multiply_add_width = peak_sums * W,
    .layer_norm = layer_norm,
    .layer_norm_rotary = layer_norm_rotary,
    .rms_norm = rms_norm,
    .channel_norm = channel_norm,
    .column_statistics = column_statistics,
    .scale_columns = scale_columns,
    .convert = convert,
    .add = add,
    .silu = silu,
    .gelu_erf = gelu_erf,
    .gelu_quick = gelu_quick,
    .gelu_tanh = gelu_tanh,
    .gelu_gate = gelu_gate,
    .flag_non_finite = flag_non_finite,
    .combine = combine,
};
