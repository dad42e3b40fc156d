#include "identity/pubkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/limits.h"

enum { ED25519_KEY = 32, ED25519_SIGNATURE = 64 };

static EVP_PKEY *of(const struct pubkey *k)
{
    return (EVP_PKEY *)(uintptr_t)k;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

static BIGNUM *number(struct str s)
{
    return s.n <= INT32_MAX ? BN_bin2bn((const unsigned char *)s.p, (int)s.n, NULL) : NULL;
}

enum err pubkey_rsa(struct str n, struct str e, struct pubkey **ret)
{
    EVP_PKEY *key = NULL;
    if (n.n > LIMIT_RSA_BITS / 8 || e.n > 8)
        return ERR_UNSUPPORTED;
    BIGNUM *modulus = number(n), *exponent = number(e);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    bool whole = modulus != NULL && exponent != NULL && bld != NULL;
    bool good = whole && BN_num_bits(modulus) >= LIMIT_RSA_LEAST_BITS && BN_is_odd(exponent) && !BN_is_one(exponent);
    if (good && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        key = from_params("RSA", bld);
    OSSL_PARAM_BLD_free(bld);
    BN_free(modulus);
    BN_free(exponent);
    if (key == NULL)
        return whole ? ERR_UNSUPPORTED : ERR_NOMEM;
    *ret = (struct pubkey *)key;
    return ERR_OK;
}

enum err pubkey_ec(const char *curve, struct str point, struct pubkey **ret)
{
    static const char *const curves[] = {"P-256", "P-384", "P-521"};
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(curves); i++)
        known = known || strcmp(curve, curves[i]) == 0;
    if (!known)
        return ERR_UNSUPPORTED;
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    if (bld != NULL && point.n != 0 && point.p[0] == 4 &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n) == 1)
        key = from_params("EC", bld);
    OSSL_PARAM_BLD_free(bld);
    if (key == NULL)
        return bld != NULL ? ERR_INVALID : ERR_NOMEM;
    *ret = (struct pubkey *)key;
    return ERR_OK;
}

enum err pubkey_ed25519(struct str bytes, struct pubkey **ret)
{
    if (bytes.n != ED25519_KEY)
        return ERR_INVALID;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)bytes.p, bytes.n);
    if (key == NULL)
        return ERR_INVALID;
    *ret = (struct pubkey *)key;
    return ERR_OK;
}

void pubkey_free(struct pubkey *k)
{
    EVP_PKEY_free(of(k));
}

enum err pubkey_verify(const struct pubkey *k, const char *digest, struct str signature, struct str data)
{
    if (EVP_PKEY_is_a(of(k), "ED25519") ? digest != NULL || signature.n != ED25519_SIGNATURE : digest == NULL)
        return ERR_FORBIDDEN;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, of(k), NULL) == 1 &&
                EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
                                 (const unsigned char *)(data.p != NULL ? data.p : ""), data.n) == 1;
    EVP_MD_CTX_free(ctx);
    return good ? ERR_OK : ERR_FORBIDDEN;
}

enum err pubkey_ecdsa_der(struct str r, struct str s, struct buf *out)
{
    unsigned char *der = NULL;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *nr = number(r), *ns = number(s);
    if (sig == NULL || nr == NULL || ns == NULL || ECDSA_SIG_set0(sig, nr, ns) != 1) {
        BN_free(nr);
        BN_free(ns);
        ECDSA_SIG_free(sig);
        return ERR_NOMEM;
    }
    int n = i2d_ECDSA_SIG(sig, &der);
    ECDSA_SIG_free(sig);
    enum err e = n > 0 ? buf_put(out, der, (size_t)n) : ERR_NOMEM;
    OPENSSL_free(der);
    return e;
}
