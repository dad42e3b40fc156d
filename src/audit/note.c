#include "audit/note.h"

#include <openssl/evp.h>
#include <stdio.h>

static const struct str dash = STR_INIT("\xe2\x80\x94 "); /* U+2014 and a space */

static bool name_is_valid(struct str name)
{
    if (name.n == 0 || name.n > NOTE_NAME || !str_is_utf8(name))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || name.p[i] == '+' || name.p[i] == 0x7f)
            return false;
    return !str_contains(name, STR("\xc2\x85")) && !str_contains(name, STR("\xc2\xa0")) &&
           !str_contains(name, STR("\xe3\x80\x80")) && !str_contains(name, STR("\xe2\x80"));
}

static bool algorithm_is_known(unsigned a)
{
    return a == NOTE_ED25519 || a == NOTE_COSIGNATURE_V1;
}

/* SHA-256(name || "\n" || type || key), the first four bytes. */
static uint32_t key_hash(struct str name, enum note_algorithm a, const unsigned char public[NOTE_KEY])
{
    char tail[2 + NOTE_KEY] = {'\n', (char)a};
    memcpy(tail + 2, public, NOTE_KEY);
    struct digest d = digest_of2(name, (struct str){tail, sizeof(tail)});
    return (uint32_t)d.b[0] << 24 | (uint32_t)d.b[1] << 16 | (uint32_t)d.b[2] << 8 | d.b[3];
}

static void key_fill(struct note_key *k, struct str name, enum note_algorithm a,
                     const unsigned char public[NOTE_KEY])
{
    *k = (struct note_key){.algorithm = a, .hash = key_hash(name, a, public)};
    memcpy(k->name, name.p, name.n);
    memcpy(k->public, public, NOTE_KEY);
}

/* --- Keys ------------------------------------------------------------------------------------- */

static enum err public_of(const unsigned char seed[NOTE_KEY], unsigned char ret[NOTE_KEY])
{
    size_t n = NOTE_KEY;
    EVP_PKEY *p = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_KEY);
    bool good = p != NULL && EVP_PKEY_get_raw_public_key(p, ret, &n) == 1 && n == NOTE_KEY;
    EVP_PKEY_free(p);
    return good ? ERR_OK : ERR_BUG;
}

enum err note_secret_new(struct str name, enum note_algorithm a, struct note_secret *ret)
{
    struct note_secret s;
    unsigned char public[NOTE_KEY];
    if (!name_is_valid(name))
        return ERR_INVALID;
    TRY(random_bytes(s.seed, sizeof(s.seed)));
    TRY(public_of(s.seed, public));
    key_fill(&s.key, name, a, public);
    *ret = s;
    return ERR_OK;
}

void note_secret_wipe(struct note_secret *s)
{
    explicit_bzero(s->seed, sizeof(s->seed));
}

/* "name+hash+base64": type and 32 bytes. */
static enum err parse_key(struct str text, struct str *ret_name, uint32_t *ret_hash,
                          unsigned char ret[static 1 + NOTE_KEY])
{
    struct buf b CLEANUP(buf_wipe) = {0};
    struct str rest, hash, base64;
    char z[9];
    buf_init(&b, 128);
    if (!str_cut(text, '+', ret_name, &rest) || !str_cut(rest, '+', &hash, &base64) ||
        !name_is_valid(*ret_name) || hash.n != 8)
        return ERR_INVALID;
    for (size_t i = 0; i < 8; i++)
        if (memchr("0123456789abcdef", hash.p[i], 16) == NULL)
            return ERR_INVALID;
    memcpy(z, hash.p, 8);
    z[8] = '\0';
    (void)sscanf(z, "%8x", ret_hash);
    TRY(base64_decode(base64, &b));
    if (buf_len(&b) != 1 + NOTE_KEY)
        return ERR_INVALID;
    memcpy(ret, buf_view(&b).p, 1 + NOTE_KEY);
    return algorithm_is_known(ret[0]) ? ERR_OK : ERR_UNSUPPORTED;
}

enum err note_key_parse(struct str text, struct note_key *ret)
{
    struct note_key k;
    struct str name;
    uint32_t hash;
    unsigned char bytes[1 + NOTE_KEY];
    TRY(parse_key(str_trim(text), &name, &hash, bytes));
    key_fill(&k, name, (enum note_algorithm)bytes[0], bytes + 1);
    if (k.hash != hash)
        return ERR_INVALID;
    *ret = k;
    return ERR_OK;
}

static const struct str private_head = STR_INIT("PRIVATE+KEY+");

enum err note_secret_parse(struct str text, struct note_secret *ret)
{
    struct note_secret s;
    struct str name, t = str_trim(text);
    uint32_t hash;
    unsigned char bytes[1 + NOTE_KEY], public[NOTE_KEY];
    if (!str_starts(t, private_head))
        return ERR_INVALID;
    TRY(parse_key((struct str){t.p + private_head.n, t.n - private_head.n}, &name, &hash, bytes));
    memcpy(s.seed, bytes + 1, NOTE_KEY);
    TRY(public_of(s.seed, public));
    key_fill(&s.key, name, (enum note_algorithm)bytes[0], public);
    explicit_bzero(bytes, sizeof(bytes));
    if (s.key.hash != hash)
        return ERR_INVALID;
    *ret = s;
    return ERR_OK;
}

static enum err put_key(const struct note_key *k, const unsigned char material[NOTE_KEY], struct buf *out)
{
    char bytes[1 + NOTE_KEY] = {(char)k->algorithm};
    memcpy(bytes + 1, material, NOTE_KEY);
    TRY(buf_printf(out, "%s+%08x+", k->name, k->hash));
    enum err e = base64_put(out, (struct str){bytes, sizeof(bytes)});
    explicit_bzero(bytes, sizeof(bytes));
    return e;
}

enum err note_key_put(const struct note_key *k, struct buf *out)
{
    return put_key(k, k->public, out);
}

enum err note_secret_put(const struct note_secret *s, struct buf *out)
{
    TRY(buf_put_str(out, private_head));
    return put_key(&s->key, s->seed, out);
}

bool note_key_eq(const struct note_key *a, const struct note_key *b)
{
    return a->hash == b->hash && a->algorithm == b->algorithm && strcmp(a->name, b->name) == 0 &&
           memcmp(a->public, b->public, NOTE_KEY) == 0;
}

/* --- Signing ---------------------------------------------------------------------------------- */

enum err note_signed_bytes(enum note_algorithm a, struct str text, uint64_t time_s, struct buf *out)
{
    if (a == NOTE_COSIGNATURE_V1)
        TRY(buf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s));
    return buf_put_str(out, text);
}

enum err note_sign_bytes(const struct note_secret *s, struct str bytes,
                         unsigned char ret[static NOTE_SIGNATURE])
{
    size_t n = NOTE_SIGNATURE;
    EVP_PKEY *p = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, s->seed, NOTE_KEY);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = p != NULL && c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, p) == 1 &&
                EVP_DigestSign(c, ret, &n, (const unsigned char *)bytes.p, bytes.n) == 1 &&
                n == NOTE_SIGNATURE;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(p);
    return good ? ERR_OK : ERR_BUG;
}

bool note_signature_is_good(const struct note_key *k, struct str bytes,
                            const unsigned char signature[static NOTE_SIGNATURE])
{
    EVP_PKEY *p = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->public, NOTE_KEY);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = p != NULL && c != NULL && EVP_DigestVerifyInit(c, NULL, NULL, NULL, p) == 1 &&
                EVP_DigestVerify(c, signature, NOTE_SIGNATURE, (const unsigned char *)bytes.p, bytes.n) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(p);
    return good;
}

static void put_be64(char *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (char)v;
}

enum err note_line_put(const struct note_key *k, const unsigned char signature[static NOTE_SIGNATURE],
                       uint64_t time_s, struct buf *out)
{
    char bytes[4 + 8 + NOTE_SIGNATURE];
    size_t n = 4;
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)(k->hash >> (24 - 8 * i));
    if (k->algorithm == NOTE_COSIGNATURE_V1) {
        put_be64(bytes + n, time_s);
        n += 8;
    }
    memcpy(bytes + n, signature, NOTE_SIGNATURE);
    TRY(buf_put_str(out, dash));
    TRY(buf_printf(out, "%s ", k->name));
    TRY(base64_put(out, (struct str){bytes, n + NOTE_SIGNATURE}));
    return buf_put(out, "\n", 1);
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Where the signatures begin: behind the last empty line. */
static const char *signatures_of(struct str s)
{
    for (const char *p = s.p + s.n; p - s.p >= 2; p--)
        if (p[-1] == '\n' && p[-2] == '\n')
            return p;
    return NULL;
}

static enum err parse_signature(struct str line, struct note_signature *ret)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct str name, base64, s = line;
    buf_init(&b, 4096);
    if (!str_starts(s, dash))
        return ERR_INVALID;
    s = (struct str){s.p + dash.n, s.n - dash.n - 1};
    if (!str_cut(s, ' ', &name, &base64) || !name_is_valid(name) || base64.n > 4000)
        return ERR_INVALID;
    TRY(base64_decode(base64, &b));
    struct str v = buf_view(&b);
    if (v.n < 5)
        return ERR_INVALID;
    const unsigned char *u = (const unsigned char *)v.p;
    *ret = (struct note_signature){.name = name, .line = line};
    ret->hash = (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
    /* Longer ones are of algorithms that are not ours; they stay in `line`. */
    ret->n = v.n - 4 <= sizeof(ret->bytes) ? v.n - 4 : 0;
    memcpy(ret->bytes, u + 4, ret->n);
    return ERR_OK;
}

enum err note_parse(struct str bytes, struct note *ret)
{
    const char *at = bytes.n > 2 ? signatures_of(bytes) : NULL;
    struct str line, tail;
    if (at == NULL || !str_is_utf8(bytes) || at == bytes.p + bytes.n || bytes.p[bytes.n - 1] != '\n')
        return ERR_INVALID;
    for (size_t i = 0; i < bytes.n; i++)
        if ((unsigned char)bytes.p[i] < ' ' && bytes.p[i] != '\n')
            return ERR_INVALID;
    *ret = (struct note){.text = {bytes.p, (size_t)(at - bytes.p) - 1}};
    if (ret->text.n == 0)
        return ERR_INVALID;
    tail = (struct str){at, (size_t)(bytes.p + bytes.n - at)};
    while (tail.n != 0) {
        struct str rest;
        if (!str_cut(tail, '\n', &line, &rest))
            return ERR_INVALID;
        if (ret->n == NOTE_SIGNERS)
            return ERR_LIMIT;
        TRY(parse_signature((struct str){line.p, line.n + 1}, &ret->signatures[ret->n++]));
        tail = rest;
    }
    return ERR_OK;
}

static enum err verify_one(const struct note *n, const struct note_signature *s, const struct note_key *k,
                           uint64_t *ret_time)
{
    struct buf signed_bytes CLEANUP(buf_done) = {0};
    size_t head = k->algorithm == NOTE_COSIGNATURE_V1 ? 8 : 0;
    uint64_t time_s = 0;
    if (s->n != head + NOTE_SIGNATURE)
        return ERR_CORRUPT;
    for (size_t i = 0; i < head; i++)
        time_s = time_s << 8 | s->bytes[i];
    buf_init(&signed_bytes, n->text.n + 64);
    TRY(note_signed_bytes(k->algorithm, n->text, time_s, &signed_bytes));
    if (!note_signature_is_good(k, buf_view(&signed_bytes), s->bytes + head))
        return ERR_CORRUPT;
    if (ret_time != NULL)
        *ret_time = time_s;
    return ERR_OK;
}

enum err note_verify(const struct note *n, const struct note_key *k, uint64_t *ret_time)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->signatures[i].hash == k->hash && str_is(n->signatures[i].name, k->name))
            return verify_one(n, &n->signatures[i], k, ret_time);
    return ERR_NOT_FOUND;
}

/* --- Checkpoints ------------------------------------------------------------------------------ */

enum err checkpoint_parse(struct str text, struct checkpoint *ret)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct checkpoint c;
    struct str size, root, rest;
    buf_init(&b, 64);
    if (!str_cut(text, '\n', &c.origin, &rest) || !str_cut(rest, '\n', &size, &rest) ||
        !str_cut(rest, '\n', &root, &rest))
        return ERR_INVALID;
    if (c.origin.n == 0 || c.origin.n > NOTE_NAME || str_to_u64(size, &c.size) != ERR_OK || size.n > 19 ||
        (size.n > 1 && size.p[0] == '0') || c.size > INT64_MAX)
        return ERR_INVALID;
    if (root.n != 44 || base64_decode(root, &b) != ERR_OK || buf_len(&b) != DIGEST_SIZE)
        return ERR_INVALID;
    memcpy(c.root.b, buf_view(&b).p, DIGEST_SIZE);
    *ret = c;
    return ERR_OK;
}

enum err checkpoint_put(const struct checkpoint *c, struct buf *out)
{
    TRY(buf_printf(out, "%.*s\n%llu\n", STR_FMT(c->origin), (unsigned long long)c->size));
    TRY(base64_put(out, str_from(c->root.b, DIGEST_SIZE)));
    return buf_put(out, "\n", 1);
}
