#include "identity/ssh.h"

#include "base/cursor.h"
#include "base/digest.h"
#include "base/limits.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

enum { ED25519_KEY = 32, ED25519_SIGNATURE = 64, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 16384, TOUCHED = 1 };

/* --- Key types ------------------------------------------------------------------------------- */

enum family { FAMILY_ED25519 = 1, FAMILY_ECDSA, FAMILY_RSA };

static const struct key_type {
    const char *name;
    enum family family;
    const char *curve, *group; /* ECDSA: as SSH and as OpenSSL call it */
    const char *digest;        /* what the signature is over; RSA: see rsa_digest */
    size_t point;              /* ECDSA: bytes of an uncompressed point */
    bool hardware;             /* sk-: an application, and a counter in the signature */
} key_types[] = {
    {"ssh-ed25519", FAMILY_ED25519, NULL, NULL, NULL, 0, false},
    {"ecdsa-sha2-nistp256", FAMILY_ECDSA, "nistp256", "P-256", "SHA256", 65, false},
    {"ecdsa-sha2-nistp384", FAMILY_ECDSA, "nistp384", "P-384", "SHA384", 97, false},
    {"ecdsa-sha2-nistp521", FAMILY_ECDSA, "nistp521", "P-521", "SHA512", 133, false},
    {"ssh-rsa", FAMILY_RSA, NULL, NULL, NULL, 0, false},
    {"sk-ssh-ed25519@openssh.com", FAMILY_ED25519, NULL, NULL, NULL, 0, true},
    {"sk-ecdsa-sha2-nistp256@openssh.com", FAMILY_ECDSA, "nistp256", "P-256", "SHA256", 65, true},
};

static const struct key_type *type_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(key_types); i++)
        if (str_is(name, key_types[i].name))
            return &key_types[i];
    return NULL;
}

/* A public key taken apart: views. */
struct key {
    const struct key_type *type;
    struct str bytes;       /* Ed25519: the key; ECDSA: the point */
    struct str n, e;        /* RSA */
    struct str application; /* hardware */
};

/* u32 length and bytes (RFC 4251 section 5). */
static struct str take_string(struct cursor *c)
{
    return cursor_bytes(c, cursor_u32(c));
}

/* A positive number in its shortest form, without the sign byte. */
static struct str take_mpint(struct cursor *c)
{
    struct str s = take_string(c);
    bool negative = s.n != 0 && (unsigned char)s.p[0] >= 0x80;
    bool padded = s.n != 0 && s.p[0] == 0 && (s.n == 1 || (unsigned char)s.p[1] < 0x80);
    if (s.n == 0 || negative || padded)
        c->bad = true;
    if (!c->bad && s.p[0] == 0)
        s = str_from(s.p + 1, s.n - 1);
    return s;
}

static size_t bits_of(struct str number)
{
    size_t bits = number.n * 8;
    for (unsigned char top = number.n != 0 ? (unsigned char)number.p[0] : 0xff; top < 0x80; top = (unsigned char)(top << 1 | 1))
        bits--;
    return bits;
}

static enum err check_key(const struct key *k)
{
    if (k->type->family == FAMILY_ED25519)
        return k->bytes.n == ED25519_KEY ? ERR_OK : ERR_INVALID;
    if (k->type->family == FAMILY_ECDSA)
        return k->bytes.n == k->type->point && k->bytes.p[0] == 4 ? ERR_OK : ERR_INVALID;
    size_t bits = bits_of(k->n);
    return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && k->e.n <= 8 ? ERR_OK : ERR_UNSUPPORTED;
}

static enum err key_take(struct str blob, struct key *ret)
{
    struct cursor c = cursor_of(blob);
    struct key k = {.type = NULL};
    struct str name = take_string(&c), curve;
    if (c.bad)
        return ERR_INVALID;
    k.type = type_find(name);
    if (k.type == NULL)
        return ERR_UNSUPPORTED;
    if (k.type->family == FAMILY_RSA) {
        k.e = take_mpint(&c);
        k.n = take_mpint(&c);
    } else {
        curve = k.type->family == FAMILY_ECDSA ? take_string(&c) : STR("");
        k.bytes = take_string(&c);
        if (!str_is(curve, k.type->curve != NULL ? k.type->curve : ""))
            return ERR_INVALID;
    }
    if (k.type->hardware)
        k.application = take_string(&c);
    if (!cursor_ended_well(&c))
        return ERR_INVALID;
    TRY(check_key(&k));
    *ret = k;
    return ERR_OK;
}

enum err ssh_key_parse(struct str line, struct buf *ret_blob)
{
    struct buf blob CLEANUP(buf_done) = {0};
    struct str type, rest, text;
    struct key k;
    buf_init(&blob, LIMIT_SSH_BLOB);
    line = str_trim(line);
    if (!str_cut(line, ' ', &type, &rest))
        return ERR_INVALID;
    if (!str_cut(rest, ' ', &text, &rest))
        text = rest;
    if (text.n == 0 || text.n > 2 * LIMIT_SSH_BLOB || base64_decode(text, &blob) != ERR_OK)
        return ERR_INVALID;
    TRY(key_take(buf_view(&blob), &k));
    if (!str_is(type, k.type->name))
        return ERR_INVALID;
    return buf_put_str(ret_blob, buf_view(&blob));
}

enum err ssh_key_fingerprint(struct str blob, struct buf *ret)
{
    struct digest d = digest_of(blob);
    TRY(buf_put_str(ret, STR("SHA256:")));
    TRY(base64_put(ret, str_from(d.b, sizeof(d.b))));
    buf_truncate(ret, buf_len(ret) - 1); /* the one '=' that 32 bytes need: ssh-keygen leaves it out */
    return ERR_OK;
}

/* --- Decoding -------------------------------------------------------------------------------- */

static const struct str begin = STR_INIT("-----BEGIN SSH SIGNATURE-----\n");
static const struct str end = STR_INIT("-----END SSH SIGNATURE-----");

static enum err unwrap(struct str armored, struct buf *ret)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct str s = str_trim(armored);
    buf_init(&text, 2 * LIMIT_SSH_BLOB);
    if (!str_starts(s, begin) || !str_ends(s, end) || s.n < begin.n + end.n || s.n > 2 * LIMIT_SSH_BLOB)
        return ERR_INVALID;
    s = str_from(s.p + begin.n, s.n - begin.n - end.n);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\n')
            TRY(buf_put_u8(&text, (uint8_t)s.p[i]));
    return base64_decode(buf_view(&text), ret) == ERR_OK ? ERR_OK : ERR_INVALID;
}

enum err sshsig_parse(struct str armored, struct buf *room, struct sshsig *ret)
{
    buf_clear(room);
    TRY(unwrap(armored, room));
    struct cursor c = cursor_of(buf_view(room));
    struct key k;
    struct str magic = cursor_bytes(&c, 6);
    uint32_t version = cursor_u32(&c);
    struct sshsig s = {.key = take_string(&c), .name_space = take_string(&c)};
    struct str reserved = take_string(&c);
    s.hash = take_string(&c);
    s.signature = take_string(&c);
    if (!cursor_ended_well(&c) || !str_is(magic, "SSHSIG") || version != 1 || reserved.n != 0)
        return ERR_INVALID;
    if (!str_is(s.hash, "sha256") && !str_is(s.hash, "sha512"))
        return ERR_UNSUPPORTED;
    TRY(key_take(s.key, &k));
    *ret = s;
    return ERR_OK;
}

/* --- Verifying ------------------------------------------------------------------------------- */

static enum err put_string(struct buf *b, struct str s)
{
    TRY(buf_put_u32(b, (uint32_t)s.n));
    return buf_put_str(b, s);
}

static enum err hash(const char *name, struct str s, struct buf *out)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    size_t n = 0;
    if (EVP_Q_digest(NULL, name, NULL, s.p != NULL ? s.p : "", s.n, md, &n) != 1)
        return ERR_BUG;
    return buf_put(out, md, n);
}

/* What was really signed (PROTOCOL.sshsig, "Signed Data, of which the signature goes into the blob"). */
static enum err put_signed(const struct sshsig *s, struct str message, struct buf *out)
{
    struct buf md CLEANUP(buf_done) = {0};
    buf_init(&md, EVP_MAX_MD_SIZE);
    TRY(hash(str_is(s->hash, "sha512") ? "SHA512" : "SHA256", message, &md));
    TRY(buf_put_str(out, STR("SSHSIG")));
    TRY(put_string(out, s->name_space));
    TRY(put_string(out, STR("")));
    TRY(put_string(out, s->hash));
    return put_string(out, buf_view(&md));
}

/* What a hardware key signs instead (PROTOCOL.u2f): hash of the application, flags, counter, hash. */
static enum err wrap_for_hardware(const struct key *k, struct str tail, struct buf *data)
{
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 256);
    TRY(hash("SHA256", k->application, &out));
    TRY(buf_put_str(&out, tail));
    TRY(hash("SHA256", buf_view(data), &out));
    buf_clear(data);
    return buf_put_str(data, buf_view(&out));
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
    return BN_bin2bn((const unsigned char *)s.p, (int)s.n, NULL);
}

static EVP_PKEY *key_of(const struct key *k)
{
    if (k->type->family == FAMILY_ED25519)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)k->bytes.p,
                                           k->bytes.n);
    EVP_PKEY *key = NULL;
    BIGNUM *n = NULL, *e = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    if (bld == NULL)
        return NULL;
    if (k->type->family == FAMILY_ECDSA) {
        if (OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, k->type->group, 0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, k->bytes.p, k->bytes.n) == 1)
            key = from_params("EC", bld);
    } else {
        n = number(k->n);
        e = number(k->e);
        if (n != NULL && e != NULL && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
            OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
            key = from_params("RSA", bld);
    }
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);
    return key;
}

/* r and s as DER, which is what OpenSSL takes. */
static enum err der_of(struct str blob, struct buf *out)
{
    struct cursor c = cursor_of(blob);
    struct str r = take_mpint(&c), s = take_mpint(&c);
    unsigned char *der = NULL;
    if (!cursor_ended_well(&c))
        return ERR_FORBIDDEN;
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

static enum err check_with(EVP_PKEY *key, const char *digest, struct str signature, struct str data)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL &&
                EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
                EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
                                 (const unsigned char *)data.p, data.n) == 1;
    EVP_MD_CTX_free(ctx);
    return good ? ERR_OK : ERR_FORBIDDEN;
}

/* The algorithm that the signature names must be one of its key; SHA-1 is none. */
static const char *rsa_digest(struct str algorithm)
{
    return str_is(algorithm, "rsa-sha2-512")   ? "SHA512"
           : str_is(algorithm, "rsa-sha2-256") ? "SHA256"
                                               : NULL;
}

static enum err verify_data(const struct key *k, struct str signature, struct buf *data)
{
    struct buf der CLEANUP(buf_done) = {0};
    struct cursor c = cursor_of(signature);
    struct str algorithm = take_string(&c), blob = take_string(&c);
    struct str tail = k->type->hardware ? cursor_bytes(&c, 5) : STR("");
    const char *digest = k->type->family == FAMILY_RSA ? rsa_digest(algorithm) : k->type->digest;
    buf_init(&der, LIMIT_SSH_BLOB);
    if (!cursor_ended_well(&c) ||
        (k->type->family == FAMILY_RSA ? digest == NULL : !str_is(algorithm, k->type->name)))
        return ERR_FORBIDDEN;
    if (k->type->hardware && ((unsigned char)tail.p[0] & TOUCHED) == 0)
        return ERR_FORBIDDEN;
    if (k->type->hardware)
        TRY(wrap_for_hardware(k, tail, data));
    if (k->type->family == FAMILY_ED25519 && blob.n != ED25519_SIGNATURE)
        return ERR_FORBIDDEN;
    if (k->type->family == FAMILY_ECDSA) {
        TRY(der_of(blob, &der));
        blob = buf_view(&der);
    }
    EVP_PKEY *key = key_of(k);
    enum err e = key != NULL ? check_with(key, digest, blob, buf_view(data)) : ERR_FORBIDDEN;
    EVP_PKEY_free(key);
    return e;
}

enum err sshsig_verify(const struct sshsig *s, struct str name_space, struct str message)
{
    struct buf data CLEANUP(buf_done) = {0};
    struct key k;
    buf_init(&data, LIMIT_SSH_BLOB);
    if (!str_eq(s->name_space, name_space) || key_take(s->key, &k) != ERR_OK)
        return ERR_FORBIDDEN;
    TRY(put_signed(s, message, &data));
    return verify_data(&k, s->signature, &data);
}
