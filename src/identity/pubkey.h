/*
 * Public keys and what they verify, whatever format they came in. Pure: bytes in, an answer out.
 */
#pragma once

#include "base/buf.h"

struct pubkey;

/* RSA from modulus and exponent, big-endian. ERR_UNSUPPORTED: shorter than 2048 or longer than 16384
 * bits, or an even exponent; ERR_NOMEM. */
MUST_USE enum err pubkey_rsa(struct str n, struct str e, struct pubkey **ret);
/* A point of "P-256", "P-384" or "P-521", uncompressed with its leading 4 (SEC 1, 2.3.3). ERR_INVALID: not
 * on the curve; ERR_UNSUPPORTED: another curve. */
MUST_USE enum err pubkey_ec(const char *curve, struct str point, struct pubkey **ret);
/* 32 bytes (RFC 8032). ERR_INVALID. */
MUST_USE enum err pubkey_ed25519(struct str bytes, struct pubkey **ret);
void pubkey_free(struct pubkey *k);
static inline void pubkey_freep(struct pubkey **k)
{
    pubkey_free(*k);
}

/* ERR_OK: the key's owner signed exactly this. digest: "SHA256", …, NULL for Ed25519; an RSA signature is of PKCS #1
 * v1.5; one of ECDSA is DER (pubkey_ecdsa_der). ERR_FORBIDDEN otherwise. */
MUST_USE enum err pubkey_verify(const struct pubkey *k, const char *digest, struct str signature, struct str data);

/* r and s, big-endian, as the DER that verifies; appended. ERR_NOMEM. */
MUST_USE enum err pubkey_ecdsa_der(struct str r, struct str s, struct buf *out);
