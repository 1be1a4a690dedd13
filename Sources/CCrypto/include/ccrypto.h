// libcrypto of OpenSSL, opened at run time. Its types come from the headers of the build machine, its functions from
// the library of this machine (version 3, else 1.1), found with dlopen. So the binary starts without loading it, and
// runs where there is none.
#ifndef CCRYPTO_H
#define CCRYPTO_H

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>

// All of these have the same signatures in 1.1 and 3.
// clang-format off
#define CCR_FUNCTIONS(X)                                                                                               \
    X(EVP_MD_CTX_new) X(EVP_MD_CTX_free) X(EVP_sha256) X(EVP_DigestInit_ex) X(EVP_DigestUpdate) X(EVP_DigestFinal_ex)  \
    X(HMAC) X(OpenSSL_version)
// clang-format on

/// One pointer for each function in use, under the function's own name.
typedef struct CCrypto {
#define CCR_FIELD(name) __typeof__(name) *_Nonnull name;
    CCR_FUNCTIONS(CCR_FIELD)
#undef CCR_FIELD
} CCrypto;

/// The functions of the library on this machine, opened at the first call; thread-safe. Where it is missing: NULL, its
/// file name in `library` and the dynamic linker's reason in `reason` (both live for ever).
const CCrypto *_Nullable ccr_open(const char *_Nullable *_Nonnull library, const char *_Nullable *_Nonnull reason);

#endif
