// libcublasLt: column-major products of bf16 or f32 with f32 sums, in stream order.

#include "fake_machine.h"

#include <cstring>

namespace fake {

namespace {

/// cublasStatus_t
enum {
    lt_not_initialized = 1,
    lt_invalid_value = 7,
    lt_execution_failed = 13,
    lt_not_supported = 15,
};

constexpr size_t wanted_workspace = 64 << 10;
constexpr uint64_t algorithm_mark = 0x66616b652d616c67;

size_t bytes_of(int dtype) { return dtype == CK_LT_R_16BF ? 2 : 4; }

float load(ck_address base, int dtype, size_t index) {
    if (dtype == CK_LT_R_32F)
        return ((const float *)base)[index];
    uint32_t bits = (uint32_t)((const uint16_t *)base)[index] << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

void store(ck_address base, int dtype, size_t index, float x) {
    if (dtype == CK_LT_R_32F) {
        ((float *)base)[index] = x;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint16_t rounded = x != x ? 0x7fff : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    ((uint16_t *)base)[index] = rounded;
}

/// An operand as it is stored.
struct Operand {
    ck_address base;
    MatrixLayout layout;

    size_t bytes() const {
        return ((size_t)layout.leading * (layout.columns - 1) + layout.rows) * bytes_of(layout.dtype);
    }
    /// Rows and columns of the matrix or of its transpose.
    float at(size_t row, size_t column, bool transposed) const {
        size_t i = transposed ? column : row, j = transposed ? row : column;
        return load(base, layout.dtype, i + j * (size_t)layout.leading);
    }
};

struct Product {
    Operand a, b, c, d;
    bool transpose_a, transpose_b, has_bias;
    ck_address bias;
    int bias_dtype;
    float alpha, beta;
    uint64_t m, n, k;

    void run() const {
        for (uint64_t j = 0; j < n; j++) {
            for (uint64_t i = 0; i < m; i++) {
                float sum = 0;
                for (uint64_t l = 0; l < k; l++)
                    sum += a.at(i, l, transpose_a) * b.at(l, j, transpose_b);
                float result = alpha * sum + (beta != 0 ? beta * c.at(i, j, false) : 0);
                if (has_bias)
                    result += load(bias, bias_dtype, i);
                store(d.base, d.layout.dtype, i + j * (size_t)d.layout.leading, result);
            }
        }
    }
};

bool is_layout(const MatrixLayout &layout) {
    return (layout.dtype == CK_LT_R_32F || layout.dtype == CK_LT_R_16BF) && layout.rows && layout.columns &&
           layout.leading >= (int64_t)layout.rows;
}

/// Shapes and types; 0 if the library has such a product (cuBLASLt manual, table of supported types).
int check(const MatmulDescription &description, const MatrixLayout &a, const MatrixLayout &b, const MatrixLayout &c,
          const MatrixLayout &d, uint64_t &m, uint64_t &n, uint64_t &k) {
    if (!is_layout(a) || !is_layout(b) || !is_layout(c) || !is_layout(d))
        return lt_invalid_value;
    bool ta = description.transpose_a == CK_LT_TRANSPOSE, tb = description.transpose_b == CK_LT_TRANSPOSE;
    m = ta ? a.columns : a.rows;
    k = ta ? a.rows : a.columns;
    n = tb ? b.rows : b.columns;
    if ((tb ? b.columns : b.rows) != k || d.rows != m || d.columns != n || c.rows != m || c.columns != n)
        return lt_invalid_value;
    if (description.compute != CK_LT_COMPUTE_32F || description.scale != CK_LT_R_32F)
        return lt_not_supported;
    if (a.dtype != b.dtype || c.dtype != d.dtype || (a.dtype == CK_LT_R_32F && d.dtype != CK_LT_R_32F))
        return lt_not_supported;
    if (description.epilogue == CK_LT_EPILOGUE_DEFAULT)
        return 0;
    bool bias_fits = description.bias_dtype == -1 || description.bias_dtype == d.dtype;
    return description.epilogue == CK_LT_EPILOGUE_BIAS && bias_fits ? 0 : lt_not_supported;
}

/// What makes an algorithm fit a product.
uint64_t key_of(const MatmulDescription &description, uint64_t m, uint64_t n, uint64_t k, int dtype) {
    std::string text = std::to_string(m) + " " + std::to_string(n) + " " + std::to_string(k) + " " +
                       std::to_string(dtype) + " " + std::to_string(description.transpose_a) + " " +
                       std::to_string(description.transpose_b) + " " + std::to_string(description.epilogue);
    return hash(text);
}

/// Copies the value of an attribute; a status.
template <typename T> int set(T &to, const void *value, size_t bytes) {
    if (!value || bytes != sizeof to)
        return lt_invalid_value;
    memcpy(&to, value, sizeof to);
    return 0;
}

template <typename T, typename Handle> int destroy(Machine &machine, Handles<T> &all, Handle handle, const char *what) {
    if (all.forget(handle))
        return 0;
    machine.violate("%s of what does not exist, or no longer", what);
    return lt_invalid_value;
}

} // namespace

// ---- Descriptions

int cublasLtCreate(Machine &machine, cublasLtHandle_t *handle) {
    Device *device;
    if (machine.context(device))
        return lt_not_initialized;
    *handle = (cublasLtHandle_t)machine.lt_handles.add({device});
    return 0;
}

int cublasLtDestroy(Machine &machine, cublasLtHandle_t handle) {
    return destroy(machine, machine.lt_handles, handle, "cublasLtDestroy");
}

int cublasLtMatmulDescCreate(Machine &machine, cublasLtMatmulDesc_t *desc, int compute_type, int scale_type) {
    MatmulDescription description;
    description.compute = compute_type;
    description.scale = scale_type;
    *desc = (cublasLtMatmulDesc_t)machine.lt_descriptions.add(description);
    return 0;
}

int cublasLtMatmulDescDestroy(Machine &machine, cublasLtMatmulDesc_t desc) {
    return destroy(machine, machine.lt_descriptions, desc, "cublasLtMatmulDescDestroy");
}

int cublasLtMatmulDescSetAttribute(Machine &machine, cublasLtMatmulDesc_t desc, int attribute, const void *value,
                                   size_t bytes) {
    MatmulDescription *description = machine.lt_descriptions.find(desc);
    if (!description)
        return lt_invalid_value;
    switch (attribute) {
    case CK_LT_DESC_TRANSA:
        return set(description->transpose_a, value, bytes);
    case CK_LT_DESC_TRANSB:
        return set(description->transpose_b, value, bytes);
    case CK_LT_DESC_EPILOGUE:
        return set(description->epilogue, value, bytes);
    case CK_LT_DESC_BIAS_POINTER:
        return set(description->bias, value, bytes);
    case CK_LT_DESC_BIAS_DTYPE:
        return set(description->bias_dtype, value, bytes);
    default:
        machine.violate("cublasLtMatmulDescSetAttribute: the fake does not know attribute %d", attribute);
        return lt_not_supported;
    }
}

int cublasLtMatrixLayoutCreate(Machine &machine, cublasLtMatrixLayout_t *layout, int dtype, uint64_t rows,
                               uint64_t columns, int64_t leading) {
    *layout = (cublasLtMatrixLayout_t)machine.lt_layouts.add({dtype, rows, columns, leading});
    return 0;
}

int cublasLtMatrixLayoutDestroy(Machine &machine, cublasLtMatrixLayout_t layout) {
    return destroy(machine, machine.lt_layouts, layout, "cublasLtMatrixLayoutDestroy");
}

int cublasLtMatmulPreferenceCreate(Machine &machine, cublasLtMatmulPreference_t *preference) {
    *preference = (cublasLtMatmulPreference_t)machine.lt_preferences.add({});
    return 0;
}

int cublasLtMatmulPreferenceDestroy(Machine &machine, cublasLtMatmulPreference_t preference) {
    return destroy(machine, machine.lt_preferences, preference, "cublasLtMatmulPreferenceDestroy");
}

int cublasLtMatmulPreferenceSetAttribute(Machine &machine, cublasLtMatmulPreference_t handle, int attribute,
                                         const void *value, size_t bytes) {
    Preference *preference = machine.lt_preferences.find(handle);
    if (!preference)
        return lt_invalid_value;
    if (attribute != CK_LT_PREFERENCE_MAX_WORKSPACE_BYTES) {
        machine.violate("cublasLtMatmulPreferenceSetAttribute: the fake does not know attribute %d", attribute);
        return lt_not_supported;
    }
    return set(preference->workspace_bytes, value, bytes);
}

// ---- Products

int cublasLtMatmulAlgoGetHeuristic(Machine &machine, cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                   cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                   cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t preference_handle, int wanted,
                                   ck_lt_choice *choices, int *found) {
    const MatmulDescription *description = machine.lt_descriptions.find(desc);
    const MatrixLayout *la = machine.lt_layouts.find(a), *lb = machine.lt_layouts.find(b);
    const MatrixLayout *lc = machine.lt_layouts.find(c), *ld = machine.lt_layouts.find(d);
    const Preference *preference = machine.lt_preferences.find(preference_handle);
    if (!machine.lt_handles.find(handle) || !description || !la || !lb || !lc || !ld || !preference || wanted < 1)
        return lt_invalid_value;
    *found = 0;
    uint64_t m, n, k;
    if (int status = check(*description, *la, *lb, *lc, *ld, m, n, k))
        return status;
    if (machine.no_algorithms)
        return lt_not_supported;
    ck_lt_choice &choice = choices[0];
    choice = {};
    choice.algorithm.words[0] = algorithm_mark;
    choice.algorithm.words[1] = key_of(*description, m, n, k, la->dtype);
    choice.workspace_bytes = preference->workspace_bytes >= wanted_workspace ? wanted_workspace : 0;
    choice.algorithm.words[2] = choice.workspace_bytes;
    choice.waves = 1;
    *found = 1;
    return 0;
}

int cublasLtMatmul(Machine &machine, cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha,
                   ck_address a, cublasLtMatrixLayout_t al, ck_address b, cublasLtMatrixLayout_t bl, const void *beta,
                   ck_address c, cublasLtMatrixLayout_t cl, ck_address d, cublasLtMatrixLayout_t dl,
                   const ck_lt_algorithm *algorithm, ck_address workspace, size_t workspace_bytes,
                   CUstream stream_handle) {
    const char *name = "cublasLtMatmul";
    Device *device;
    Stream *stream;
    if (machine.stream(stream_handle, device, stream))
        return lt_execution_failed;
    const MatmulDescription *description = machine.lt_descriptions.find(desc);
    const MatrixLayout *la = machine.lt_layouts.find(al), *lb = machine.lt_layouts.find(bl);
    const MatrixLayout *lc = machine.lt_layouts.find(cl), *ld = machine.lt_layouts.find(dl);
    const LtHandle *lt = machine.lt_handles.find(handle);
    if (!lt || lt->device != device || !description || !la || !lb || !lc || !ld || !alpha || !beta) {
        machine.violate("%s: something it is given does not exist, or no longer", name);
        return lt_invalid_value;
    }
    Product product = {{a, *la},
                       {b, *lb},
                       {c, *lc},
                       {d, *ld},
                       description->transpose_a == CK_LT_TRANSPOSE,
                       description->transpose_b == CK_LT_TRANSPOSE,
                       description->epilogue == CK_LT_EPILOGUE_BIAS,
                       description->bias,
                       description->bias_dtype == -1 ? ld->dtype : description->bias_dtype,
                       0,
                       0,
                       0,
                       0,
                       0};
    if (int status = check(*description, *la, *lb, *lc, *ld, product.m, product.n, product.k))
        return status;
    memcpy(&product.alpha, alpha, sizeof product.alpha);
    memcpy(&product.beta, beta, sizeof product.beta);
    if (algorithm && (algorithm->words[0] != algorithm_mark ||
                      algorithm->words[1] != key_of(*description, product.m, product.n, product.k, la->dtype))) {
        machine.violate("%s: the algorithm was chosen for another product", name);
        return lt_not_supported;
    }
    size_t used = algorithm ? algorithm->words[2] : 0;
    if (workspace_bytes < used || (used && workspace % 16))
        return lt_invalid_value;
    std::vector<Touch> touches = {{a, product.a.bytes()}, {b, product.b.bytes()}, {d, product.d.bytes()}};
    if (product.beta != 0)
        touches.push_back({c, product.c.bytes()});
    if (product.has_bias)
        touches.push_back({product.bias, product.m * bytes_of(product.bias_dtype)});
    if (used)
        touches.push_back({workspace, used});
    auto run = [=, &machine] {
        for (const Touch &touch : touches)
            if (int error = machine.check_live(*device, name, touch.address, touch.bytes))
                return error;
        if (used) // what it leaves there is nobody's business
            memset((void *)workspace, 0xfe, used);
        product.run();
        return 0;
    };
    return machine.submit(*stream, {name, touches, 0.01, run}) ? lt_execution_failed : 0;
}

} // namespace fake
