#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>

/* Fetched once: an implicit fetch in every call doubles the cost of hashing a short record. */
static const EVP_MD *sha256(void)
{
    static EVP_MD *md;
    if (md == NULL)
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
    return md;
}

struct digest digest_of2(struct str a, struct str b)
{
    static EVP_MD_CTX *ctx;
    struct digest d;
    unsigned n = 0;
    if (ctx == NULL)
        ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestInit_ex2(ctx, sha256(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, a.p, a.n) != 1 || EVP_DigestUpdate(ctx, b.p, b.n) != 1 ||
        EVP_DigestFinal_ex(ctx, d.b, &n) != 1 || n != DIGEST_SIZE)
        abort();
    return d;
}

struct digest digest_of(struct str s)
{
    return digest_of2(s, (struct str){NULL, 0});
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a->b, b->b, DIGEST_SIZE) == 0;
}

static const char hex_digits[] = "0123456789abcdef";

struct str digest_hex(const struct digest *d, char out[static DIGEST_HEX + 1])
{
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out[2 * i] = hex_digits[d->b[i] >> 4];
        out[2 * i + 1] = hex_digits[d->b[i] & 15];
    }
    out[DIGEST_HEX] = '\0';
    return (struct str){out, DIGEST_HEX};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

enum err digest_parse(struct str hex, struct digest *ret)
{
    struct digest d;
    if (hex.n != DIGEST_HEX)
        return ERR_INVALID;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int hi = hex_value(hex.p[2 * i]), lo = hex_value(hex.p[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return ERR_INVALID;
        d.b[i] = (unsigned char)(hi << 4 | lo);
    }
    *ret = d;
    return ERR_OK;
}

enum err hex_put(struct buf *b, struct str s)
{
    char *space;
    TRY(buf_reserve(b, s.n * 2, &space));
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        space[2 * i] = hex_digits[c >> 4];
        space[2 * i + 1] = hex_digits[c & 15];
    }
    buf_commit(b, s.n * 2);
    return ERR_OK;
}

enum err base64_put(struct buf *b, struct str s)
{
    if (s.n > INT32_MAX / 2)
        return ERR_LIMIT;
    char *space;
    TRY(buf_reserve(b, (s.n + 2) / 3 * 4 + 1, &space));
    int n = EVP_EncodeBlock((unsigned char *)space, (const unsigned char *)s.p, (int)s.n);
    buf_commit(b, (size_t)n);
    return ERR_OK;
}

enum err base64_decode(struct str s, struct buf *ret)
{
    if (s.n % 4 != 0 || s.n > INT32_MAX)
        return ERR_INVALID;
    size_t pad = 0;
    while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < s.n - pad; i++) {
        char c = s.p[i];
        bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
        if (!ok)
            return ERR_INVALID;
    }
    char *space;
    TRY(buf_reserve(ret, s.n / 4 * 3 + 1, &space));
    int n = EVP_DecodeBlock((unsigned char *)space, (const unsigned char *)s.p, (int)s.n);
    if (n < 0)
        return ERR_INVALID;
    for (size_t i = 0; i < pad; i++)
        if (space[(size_t)n - 1 - i] != '\0')
            return ERR_INVALID; /* RFC 4648, section 3.5: bits that nobody reads must be zero */
    buf_commit(ret, (size_t)n - pad);
    return ERR_OK;
}

enum err base64url_put(struct buf *b, struct str s)
{
    if (s.n > INT32_MAX / 2)
        return ERR_LIMIT;
    char *space;
    TRY(buf_reserve(b, (s.n + 2) / 3 * 4 + 1, &space));
    size_t n = (size_t)EVP_EncodeBlock((unsigned char *)space, (const unsigned char *)s.p, (int)s.n);
    n -= (3 - s.n % 3) % 3;
    for (size_t i = 0; i < n; i++)
        space[i] = space[i] == '+' ? '-' : space[i] == '/' ? '_' : space[i];
    buf_commit(b, n);
    return ERR_OK;
}

enum err base64url_decode(struct str s, struct buf *ret)
{
    struct buf plain CLEANUP(buf_done) = {0};
    buf_init(&plain, s.n + 4);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '+' || c == '/' || c == '=')
            return ERR_INVALID;
        TRY(buf_put_u8(&plain, (uint8_t)(c == '-' ? '+' : c == '_' ? '/' : c)));
    }
    if (s.n % 4 == 1)
        return ERR_INVALID;
    while (buf_len(&plain) % 4 != 0)
        TRY(buf_put_u8(&plain, '='));
    return base64_decode(buf_view(&plain), ret);
}

enum err random_bytes(void *out, size_t n)
{
    char *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got <= 0)
            return ERR_IO;
        p += got;
        n -= (size_t)got;
    }
    return ERR_OK;
}
