/* UTF-8 (RFC 3629), one code point at a time. Bytes that are not UTF-8 count as one character each. */
#pragma once

#include "base/str.h"

/* Writes a code point up to U+10FFFF; returns 1 to 4, the bytes written. */
static inline size_t utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

/* The bytes of the character at p, of which n > 0 are left. */
static inline size_t utf8_length(const char *p, size_t n)
{
    unsigned char c = (unsigned char)p[0];
    size_t want = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
    if (want > n)
        return 1;
    for (size_t i = 1; i < want; i++)
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return 1;
    return want;
}

static inline uint32_t utf8_get(const char *p, size_t length)
{
    static const unsigned char mask[] = {0, 0xff, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)p[0] & mask[length];
    for (size_t i = 1; i < length; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return c;
}

static inline size_t utf8_count(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.n; count++)
        i += utf8_length(s.p + i, s.n - i);
    return count;
}

/* The byte offset of character `index`, s.n where it is the count, SIZE_MAX beyond. */
static inline size_t utf8_offset(struct str s, uint64_t index)
{
    size_t i = 0;
    for (; index > 0 && i < s.n; index--)
        i += utf8_length(s.p + i, s.n - i);
    return index == 0 ? i : SIZE_MAX;
}
