// The arithmetic of the tensor cores.
#pragma once

namespace emulation {

/// d [rows, columns] += a [rows, 16] · b [16, columns], columns a multiple of 8, exact products and f32 sums.
void add_product(float *d, const float *a, const float *b, int rows, int columns);

/// Whether this processor has AVX2 and FMA.
bool has_avx2();

} // namespace emulation
