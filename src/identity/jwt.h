/*
 * ID tokens of OpenID Connect (Core 1.0 section 3.1.3.7; JWT: RFC 7519; JWS compact form: RFC 7515; the pitfalls:
 * RFC 8725). Pure: the token, the provider's keys, what is wanted and the time go in; who it is comes out.
 */
#pragma once

#include "identity/jwk.h"

/* What is wrong with a token. Zero is no answer. */
enum jwt_fault {
    JWT_GOOD = 1,
    JWT_MALFORMED,   /* not three parts of strict base64url and JSON objects without doubles */
    JWT_ALGORITHM,   /* signed in a way that is not taken, or with `crit` */
    JWT_UNKNOWN_KEY, /* its key is not in the set: fetch the set anew, once, and ask again */
    JWT_SIGNATURE,
    JWT_ISSUER,
    JWT_AUDIENCE, /* meant for somebody else, or for several without naming us as the one (azp) */
    JWT_EXPIRED,
    JWT_EARLY, /* nbf or iat in the future */
    JWT_NONCE,
    JWT_SUBJECT, /* nobody */
};

/* For people: "expired", "signed with an unknown key". */
const char *jwt_fault_text(enum jwt_fault f);

struct jwt_wanted {
    struct str issuer;   /* exactly */
    struct str audience; /* our client_id */
    struct str nonce;    /* empty: none was sent, and none may be required */
    int64_t now_s, skew_s;
};

struct jwt_claims; /* of a good token */

/* *ret only where the answer is JWT_GOOD. ERR_NOMEM gives JWT_MALFORMED: nothing is good without memory. */
enum jwt_fault jwt_verify(const struct jwk_set *keys, struct str token, const struct jwt_wanted *want,
                          struct jwt_claims **ret);
void jwt_claims_free(struct jwt_claims *c);
static inline void jwt_claims_freep(struct jwt_claims **c)
{
    jwt_claims_free(*c);
}

/* `sub`: who it is, for good, at this issuer. Views as long as c, here and below. */
struct str jwt_subject(const struct jwt_claims *c);
/* A claim that is a text; {NULL,0} where it is none. */
struct str jwt_text(const struct jwt_claims *c, const char *name);
/* Whether a claim is the value true. */
bool jwt_is_true(const struct jwt_claims *c, const char *name);
/* The texts of a claim that is a list of texts, or one text: the i-th, {NULL,0} after the last. */
struct str jwt_text_at(const struct jwt_claims *c, const char *name, size_t i);
