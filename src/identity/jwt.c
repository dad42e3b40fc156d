#include "identity/jwt.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/limits.h"

struct jwt_claims {
    json_t *root;
};

const char *jwt_fault_text(enum jwt_fault f)
{
    static const char *const texts[] = {
        [JWT_GOOD] = "good",
        [JWT_MALFORMED] = "not a token",
        [JWT_ALGORITHM] = "signed in a way that is not accepted",
        [JWT_UNKNOWN_KEY] = "signed with a key that the provider does not publish",
        [JWT_SIGNATURE] = "not signed by the provider",
        [JWT_ISSUER] = "issued by somebody else",
        [JWT_AUDIENCE] = "issued for another program",
        [JWT_EXPIRED] = "expired",
        [JWT_EARLY] = "from the future: compare the clocks",
        [JWT_NONCE] = "not the answer to this sign-in",
        [JWT_SUBJECT] = "without a subject",
    };
    return (size_t)f < ARRAY_LEN(texts) && texts[f] != NULL ? texts[f] : "unknown";
}

/* --- The parts ------------------------------------------------------------------------------------ */

struct parts {
    struct str header, payload, signature, signed_text;
};

static bool take_apart(struct str token, struct parts *ret)
{
    struct str rest;
    if (token.n > LIMIT_JWT || !str_cut(token, '.', &ret->header, &rest) ||
        !str_cut(rest, '.', &ret->payload, &ret->signature))
        return false;
    ret->signed_text = str_from(token.p, ret->header.n + 1 + ret->payload.n);
    return ret->header.n != 0 && ret->payload.n != 0;
}

/* The object that a part is; NULL where it is none. The caller's. */
static json_t *object_of(struct str part)
{
    struct buf b CLEANUP(buf_done) = {0};
    buf_init(&b, LIMIT_JWT);
    if (base64url_decode(part, &b) != ERR_OK || buf_len(&b) == 0)
        return NULL;
    struct str text = buf_view(&b);
    json_t *v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(v))
        return v;
    json_decref(v);
    return NULL;
}

static struct str text_of(const json_t *v)
{
    return json_is_string(v) ? str_from(json_string_value(v), json_string_length(v)) : (struct str){NULL, 0};
}

/* --- Signature ------------------------------------------------------------------------------------ */

static enum jwt_fault header_check(const struct jwk_set *keys, const json_t *header, const struct parts *p)
{
    enum jws_algorithm algorithm;
    struct buf signature CLEANUP(buf_done) = {0};
    const json_t *kid = json_object_get(header, "kid");
    buf_init(&signature, LIMIT_JWT);
    if (!jws_algorithm_of(text_of(json_object_get(header, "alg")), &algorithm) ||
        json_object_get(header, "crit") != NULL)
        return JWT_ALGORITHM;
    if ((kid != NULL && !json_is_string(kid)) || base64url_decode(p->signature, &signature) != ERR_OK)
        return JWT_MALFORMED;
    switch (jwk_set_verify(keys, text_of(kid), algorithm, buf_view(&signature), p->signed_text)) {
    case ERR_OK:
        return JWT_GOOD;
    case ERR_NOT_FOUND:
        return JWT_UNKNOWN_KEY;
    default:
        return JWT_SIGNATURE;
    }
}

/* --- Claims --------------------------------------------------------------------------------------- */

/* `aud` is one text or a list; with several, `azp` has to say that we are the one it was issued to. */
static bool audience_is(const json_t *claims, struct str wanted)
{
    const json_t *aud = json_object_get(claims, "aud"), *azp = json_object_get(claims, "azp");
    bool among = str_eq(text_of(aud), wanted) && json_is_string(aud);
    for (size_t i = 0; i < json_array_size(aud); i++)
        among = among || str_eq(text_of(json_array_get(aud, i)), wanted);
    if (!among || (json_array_size(aud) > 1 && azp == NULL))
        return false;
    return azp == NULL || str_eq(text_of(azp), wanted);
}

/* NumericDate may have a fraction (RFC 7519 section 2). False: it is no number, or one beyond any date. */
static bool seconds_of(const json_t *v, int64_t *ret)
{
    double d = json_number_value(v);
    if (!json_is_number(v) || !(d >= 0 && d < 1e12))
        return false;
    *ret = (int64_t)d;
    return true;
}

static enum jwt_fault time_check(const json_t *claims, const struct jwt_wanted *want)
{
    int64_t at;
    const json_t *nbf = json_object_get(claims, "nbf");
    if (!seconds_of(json_object_get(claims, "exp"), &at))
        return JWT_MALFORMED;
    if (want->now_s - want->skew_s >= at)
        return JWT_EXPIRED;
    if (!seconds_of(json_object_get(claims, "iat"), &at))
        return JWT_MALFORMED;
    if (at > want->now_s + want->skew_s)
        return JWT_EARLY;
    if (nbf == NULL)
        return JWT_GOOD;
    if (!seconds_of(nbf, &at))
        return JWT_MALFORMED;
    return at > want->now_s + want->skew_s ? JWT_EARLY : JWT_GOOD;
}

static enum jwt_fault claims_check(const json_t *claims, const struct jwt_wanted *want)
{
    struct str issuer = text_of(json_object_get(claims, "iss"));
    struct str nonce = text_of(json_object_get(claims, "nonce"));
    if (want->issuer.n == 0 || !str_eq(issuer, want->issuer))
        return JWT_ISSUER;
    if (want->audience.n == 0 || !audience_is(claims, want->audience))
        return JWT_AUDIENCE;
    enum jwt_fault f = time_check(claims, want);
    if (f != JWT_GOOD)
        return f;
    if (!str_eq(nonce, want->nonce))
        return JWT_NONCE;
    return text_of(json_object_get(claims, "sub")).n != 0 ? JWT_GOOD : JWT_SUBJECT;
}

static enum jwt_fault verify_with(const struct jwk_set *keys, const struct parts *p, const struct jwt_wanted *want,
                                  const json_t *header, json_t *claims)
{
    if (header == NULL || claims == NULL)
        return JWT_MALFORMED;
    enum jwt_fault f = header_check(keys, header, p);
    return f == JWT_GOOD ? claims_check(claims, want) : f;
}

enum jwt_fault jwt_verify(const struct jwk_set *keys, struct str token, const struct jwt_wanted *want,
                          struct jwt_claims **ret)
{
    struct parts p;
    if (!take_apart(token, &p))
        return JWT_MALFORMED;
    json_t *header = object_of(p.header), *claims = object_of(p.payload);
    enum jwt_fault f = verify_with(keys, &p, want, header, claims);
    struct jwt_claims *c = f == JWT_GOOD ? malloc(sizeof(*c)) : NULL;
    json_decref(header);
    if (c == NULL) {
        json_decref(claims);
        return f == JWT_GOOD ? JWT_MALFORMED : f;
    }
    c->root = claims;
    *ret = c;
    return JWT_GOOD;
}

void jwt_claims_free(struct jwt_claims *c)
{
    if (c == NULL)
        return;
    json_decref(c->root);
    free(c);
}

struct str jwt_subject(const struct jwt_claims *c)
{
    return jwt_text(c, "sub");
}

struct str jwt_text(const struct jwt_claims *c, const char *name)
{
    return text_of(json_object_get(c->root, name));
}

bool jwt_is_true(const struct jwt_claims *c, const char *name)
{
    return json_is_true(json_object_get(c->root, name));
}

struct str jwt_text_at(const struct jwt_claims *c, const char *name, size_t i)
{
    const json_t *v = json_object_get(c->root, name);
    if (json_is_string(v))
        return i == 0 ? text_of(v) : (struct str){NULL, 0};
    return text_of(json_array_get(v, i));
}
