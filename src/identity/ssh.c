#include "identity/ssh.h"

#include "base/cursor.h"
#include "base/digest.h"
#include "base/limits.h"
#include "identity/pubkey.h"

#include <openssl/evp.h>

enum { ED25519_KEY = 32, TOUCHED = 1 };

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
    return bits >= LIMIT_RSA_LEAST_BITS && bits <= LIMIT_RSA_BITS && k->e.n <= 8 ? ERR_OK : ERR_UNSUPPORTED;
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

static enum err key_of(const struct key *k, struct pubkey **ret)
{
    switch (k->type->family) {
    case FAMILY_ED25519:
        return pubkey_ed25519(k->bytes, ret);
    case FAMILY_ECDSA:
        return pubkey_ec(k->type->group, k->bytes, ret);
    case FAMILY_RSA:
        break;
    }
    return pubkey_rsa(k->n, k->e, ret);
}

static enum err der_of(struct str blob, struct buf *out)
{
    struct cursor c = cursor_of(blob);
    struct str r = take_mpint(&c), s = take_mpint(&c);
    return cursor_ended_well(&c) ? pubkey_ecdsa_der(r, s, out) : ERR_FORBIDDEN;
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
    if (k->type->family == FAMILY_ECDSA) {
        TRY(der_of(blob, &der));
        blob = buf_view(&der);
    }
    struct pubkey *key CLEANUP(pubkey_freep) = NULL;
    if (key_of(k, &key) != ERR_OK)
        return ERR_FORBIDDEN;
    return pubkey_verify(key, digest, blob, buf_view(data));
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
