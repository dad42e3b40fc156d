#include "base/str.h"

#include <stdlib.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_ascii_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq((struct str){s.p, prefix.n}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq((struct str){s.p + (s.n - suffix.n), suffix.n}, suffix);
}

bool str_contains(struct str s, struct str needle)
{
    if (needle.n == 0)
        return true;
    return s.n >= needle.n && memmem(s.p, s.n, needle.p, needle.n) != NULL;
}

bool str_contains_ascii_nocase(struct str s, struct str needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++)
        if (str_eq_ascii_nocase((struct str){s.p + i, needle.n}, needle))
            return true;
    return false;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n != 0 ? memcmp(a.p, b.p, n) : 0;
    if (d != 0)
        return d;
    return a.n < b.n ? -1 : a.n > b.n;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s.p++, s.n--;
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_cut(struct str s, char sep, struct str *ret_head, struct str *ret_tail)
{
    const char *at = s.n != 0 ? memchr(s.p, sep, s.n) : NULL;
    if (at == NULL)
        return false;
    size_t i = (size_t)(at - s.p);
    *ret_head = (struct str){s.p, i};
    *ret_tail = (struct str){at + 1, s.n - i - 1};
    return true;
}

enum err str_to_u64(struct str s, uint64_t *ret)
{
    uint64_t v = 0;
    if (s.n == 0)
        return ERR_INVALID;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_INVALID;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return ERR_LIMIT;
    }
    *ret = v;
    return ERR_OK;
}

enum err str_to_i64(struct str s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t v;
    if (negative)
        s.p++, s.n--;
    TRY(str_to_u64(s, &v));
    if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return ERR_LIMIT;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return ERR_OK;
}

char *str_dupz(struct str s)
{
    if (s.n != 0 && memchr(s.p, '\0', s.n) != NULL)
        return NULL;
    char *z = malloc(s.n + 1);
    if (z == NULL)
        return NULL;
    if (s.n != 0)
        memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return z;
}

/* The length of the sequence that starts at p with n bytes left, 0 where it is not well-formed. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char lead_lo, lead_hi, second_lo, second_hi;
        size_t len;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},          {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3},    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4},    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
        if (p[0] < forms[f].lead_lo || p[0] > forms[f].lead_hi)
            continue;
        if (forms[f].len > n)
            return 0;
        if (forms[f].len > 1 && (p[1] < forms[f].second_lo || p[1] > forms[f].second_hi))
            return 0;
        for (size_t i = 2; i < forms[f].len; i++)
            if (p[i] < 0x80 || p[i] > 0xbf)
                return 0;
        return forms[f].len;
    }
    return 0;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        size_t len = p[i] < 0x80 ? 1 : utf8_sequence(p + i, s.n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    return h;
}

/* The two halves of a 128-bit product folded: each input bit reaches every output bit. */
static uint64_t fold_multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t str_hash_seeded(struct str s, uint64_t seed)
{
    const uint64_t odd1 = UINT64_C(0x9e3779b97f4a7c15), odd2 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t h = seed ^ fold_multiply(seed ^ odd1, s.n ^ odd2);
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t word;
        memcpy(&word, s.p + i, 8);
        h = fold_multiply(h ^ word, odd1 ^ seed);
    }
    if (i < s.n) {
        uint64_t word = 0;
        memcpy(&word, s.p + i, s.n - i);
        h = fold_multiply(h ^ word, odd2 ^ seed);
    }
    return fold_multiply(h, odd2);
}
