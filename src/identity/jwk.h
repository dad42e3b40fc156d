/*
 * A provider's public keys: a JSON Web Key Set (RFC 7517, RFC 7518 section 6, RFC 8037). Pure.
 *
 * Keys of a kind that is not taken, or that are for encryption, are left out: a provider may publish what only
 * others use.
 */
#pragma once

#include "identity/pubkey.h"

/* How a token may be signed: what is not here is refused, `none` and the symmetric ones above all (RFC 8725, 3.1). */
enum jws_algorithm { JWS_RS256 = 1, JWS_RS384, JWS_RS512, JWS_ES256, JWS_ES384, JWS_ES512, JWS_EDDSA };

/* The algorithm's name in a header; false for any other. */
bool jws_algorithm_of(struct str name, enum jws_algorithm *ret);

struct jwk_set;

/* ERR_INVALID: no key set; ERR_LIMIT: LIMIT_JWK_SET, LIMIT_JWK_KEYS; ERR_NOMEM. A set may turn out empty. */
MUST_USE enum err jwk_set_parse(struct str json, struct jwk_set **ret);
void jwk_set_free(struct jwk_set *s);
size_t jwk_set_count(const struct jwk_set *s);

/* Whether the set has the key that a token names; kid may be empty. */
bool jwk_set_has(const struct jwk_set *s, struct str kid, enum jws_algorithm algorithm);

/* ERR_OK: a key of that name, meant for that algorithm, signed the data. With an empty kid every key that fits is
 * tried. signature is as in a token (RFC 7518 section 3). ERR_NOT_FOUND: no such key; ERR_FORBIDDEN. */
MUST_USE enum err jwk_set_verify(const struct jwk_set *s, struct str kid, enum jws_algorithm algorithm,
                                 struct str signature, struct str data);
