#include "identity/jwk.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/limits.h"

static const struct algorithm {
    const char *name, *kty, *curve, *digest;
    size_t coordinate; /* bytes of r, of s, and of a point's x and y */
} algorithms[] = {
    [JWS_RS256] = {"RS256", "RSA", NULL, "SHA256", 0},    [JWS_RS384] = {"RS384", "RSA", NULL, "SHA384", 0},
    [JWS_RS512] = {"RS512", "RSA", NULL, "SHA512", 0},    [JWS_ES256] = {"ES256", "EC", "P-256", "SHA256", 32},
    [JWS_ES384] = {"ES384", "EC", "P-384", "SHA384", 48}, [JWS_ES512] = {"ES512", "EC", "P-521", "SHA512", 66},
    [JWS_EDDSA] = {"EdDSA", "OKP", "Ed25519", NULL, 0},
};

struct jwk {
    char *kid, *alg; /* NULL where the key does not say */
    const char *kty, *curve;
    struct pubkey *key;
};

struct jwk_set {
    struct jwk keys[LIMIT_JWK_KEYS];
    size_t n;
};

bool jws_algorithm_of(struct str name, enum jws_algorithm *ret)
{
    for (int i = JWS_RS256; i <= JWS_EDDSA; i++)
        if (str_is(name, algorithms[i].name)) {
            *ret = (enum jws_algorithm)i;
            return true;
        }
    return false;
}

/* --- Reading -------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* The member as bytes; ERR_INVALID where it is missing or no base64url. */
static enum err bytes_of(const json_t *o, const char *name, struct buf *ret)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_string(v))
        return ERR_INVALID;
    return base64url_decode(str_from(json_string_value(v), json_string_length(v)), ret);
}

/* Leading zeros do not count. */
static struct str trimmed(struct str s)
{
    while (s.n > 0 && s.p[0] == '\0')
        s = str_from(s.p + 1, s.n - 1);
    return s;
}

static enum err rsa_read(const json_t *o, struct jwk *k)
{
    struct buf n CLEANUP(buf_done) = {0}, e CLEANUP(buf_done) = {0};
    buf_init(&n, LIMIT_JWK_SET);
    buf_init(&e, LIMIT_JWK_SET);
    TRY(bytes_of(o, "n", &n));
    TRY(bytes_of(o, "e", &e));
    return pubkey_rsa(trimmed(buf_view(&n)), trimmed(buf_view(&e)), &k->key);
}

static enum err ec_read(const json_t *o, struct jwk *k)
{
    struct buf point CLEANUP(buf_done) = {0};
    const char *curve = text_of(o, "crv");
    buf_init(&point, LIMIT_JWK_SET);
    for (int i = JWS_ES256; i <= JWS_ES512; i++) {
        if (curve == NULL || strcmp(curve, algorithms[i].curve) != 0)
            continue;
        size_t coordinate = algorithms[i].coordinate;
        TRY(buf_put_u8(&point, 4));
        TRY(bytes_of(o, "x", &point));
        if (buf_len(&point) != 1 + coordinate)
            return ERR_INVALID;
        TRY(bytes_of(o, "y", &point));
        if (buf_len(&point) != 1 + 2 * coordinate)
            return ERR_INVALID;
        k->curve = algorithms[i].curve;
        return pubkey_ec(k->curve, buf_view(&point), &k->key);
    }
    return ERR_UNSUPPORTED;
}

static enum err okp_read(const json_t *o, struct jwk *k)
{
    struct buf x CLEANUP(buf_done) = {0};
    const char *curve = text_of(o, "crv");
    if (curve == NULL || strcmp(curve, "Ed25519") != 0)
        return ERR_UNSUPPORTED;
    buf_init(&x, LIMIT_JWK_SET);
    TRY(bytes_of(o, "x", &x));
    k->curve = "Ed25519";
    return pubkey_ed25519(buf_view(&x), &k->key);
}

static const struct kind {
    const char *kty;
    enum err (*read)(const json_t *o, struct jwk *k);
} kinds[] = {{"RSA", rsa_read}, {"EC", ec_read}, {"OKP", okp_read}};

static enum err copy_text(const char *text, char **ret)
{
    if (text == NULL)
        return ERR_OK;
    *ret = strdup(text);
    return *ret != NULL ? ERR_OK : ERR_NOMEM;
}

static void jwk_done(struct jwk *k)
{
    free(k->kid);
    free(k->alg);
    pubkey_free(k->key);
}

/* ERR_UNSUPPORTED and ERR_INVALID: not a key for us. */
static enum err key_read(const json_t *o, struct jwk *ret)
{
    struct jwk k = {0};
    const char *kty = text_of(o, "kty"), *use = text_of(o, "use");
    enum err e = ERR_UNSUPPORTED;
    if (kty == NULL || (use != NULL && strcmp(use, "sig") != 0))
        return e;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kty, kinds[i].kty) == 0) {
            k.kty = kinds[i].kty;
            e = kinds[i].read(o, &k);
        }
    if (e == ERR_OK)
        e = copy_text(text_of(o, "kid"), &k.kid);
    if (e == ERR_OK)
        e = copy_text(text_of(o, "alg"), &k.alg);
    if (e == ERR_OK)
        *ret = k;
    else
        jwk_done(&k);
    return e;
}

static enum err keys_read(const json_t *keys, struct jwk_set *s)
{
    if (!json_is_array(keys))
        return ERR_INVALID;
    for (size_t i = 0; i < json_array_size(keys); i++) {
        if (s->n == LIMIT_JWK_KEYS)
            return ERR_LIMIT;
        enum err e = key_read(json_array_get(keys, i), &s->keys[s->n]);
        if (e == ERR_NOMEM)
            return e;
        s->n += e == ERR_OK;
    }
    return ERR_OK;
}

enum err jwk_set_parse(struct str json, struct jwk_set **ret)
{
    if (json.n > LIMIT_JWK_SET)
        return ERR_LIMIT;
    json_t *root = json_loadb(json.p != NULL ? json.p : "", json.n, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL)
        return ERR_INVALID;
    struct jwk_set *s = calloc(1, sizeof(*s));
    enum err e = s != NULL ? keys_read(json_object_get(root, "keys"), s) : ERR_NOMEM;
    json_decref(root);
    if (e == ERR_OK)
        *ret = s;
    else
        jwk_set_free(s);
    return e;
}

void jwk_set_free(struct jwk_set *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        jwk_done(&s->keys[i]);
    free(s);
}

size_t jwk_set_count(const struct jwk_set *s)
{
    return s->n;
}

/* --- Verifying ------------------------------------------------------------------------------------ */

/* A key is for one kind of algorithm, and where it names one, for that alone (RFC 8725, 3.1). */
static bool fits(const struct jwk *k, struct str kid, const struct algorithm *a)
{
    if (kid.n != 0 && (k->kid == NULL || !str_is(kid, k->kid)))
        return false;
    if (strcmp(k->kty, a->kty) != 0 || (a->curve != NULL && strcmp(k->curve, a->curve) != 0))
        return false;
    return k->alg == NULL || strcmp(k->alg, a->name) == 0;
}

bool jwk_set_has(const struct jwk_set *s, struct str kid, enum jws_algorithm algorithm)
{
    for (size_t i = 0; i < s->n; i++)
        if (fits(&s->keys[i], kid, &algorithms[algorithm]))
            return true;
    return false;
}

/* As OpenSSL wants it: r and s side by side become DER (RFC 7518 section 3.4). */
static enum err unpack(const struct algorithm *a, struct str signature, struct buf *der, struct str *ret)
{
    *ret = signature;
    if (a->coordinate == 0)
        return ERR_OK;
    if (signature.n != 2 * a->coordinate)
        return ERR_FORBIDDEN;
    TRY(pubkey_ecdsa_der(str_from(signature.p, a->coordinate), str_from(signature.p + a->coordinate, a->coordinate),
                         der));
    *ret = buf_view(der);
    return ERR_OK;
}

enum err jwk_set_verify(const struct jwk_set *s, struct str kid, enum jws_algorithm algorithm, struct str signature,
                        struct str data)
{
    const struct algorithm *a = &algorithms[algorithm];
    struct buf der CLEANUP(buf_done) = {0};
    struct str plain;
    buf_init(&der, LIMIT_JWT);
    if (!jwk_set_has(s, kid, algorithm))
        return ERR_NOT_FOUND;
    TRY(unpack(a, signature, &der, &plain));
    for (size_t i = 0; i < s->n; i++)
        if (fits(&s->keys[i], kid, a) && pubkey_verify(s->keys[i].key, a->digest, plain, data) == ERR_OK)
            return ERR_OK;
    return ERR_FORBIDDEN;
}
