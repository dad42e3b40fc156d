/*
 * A bounded reader over bytes that somebody else owns. A read past the end gives zero or an empty
 * view and makes the cursor `bad` for good, so a decoder reads a whole message and checks once.
 * Integers are big-endian.
 */
#pragma once

#include "base/str.h"

struct cursor {
    const char *p, *end;
    bool bad;
};

static inline struct cursor cursor_of(struct str s)
{
    return (struct cursor){s.p, s.p != NULL ? s.p + s.n : NULL, false};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* n bytes as a view. */
static inline struct str cursor_bytes(struct cursor *c, size_t n)
{
    if (c->bad || n > cursor_left(c)) {
        c->bad = true;
        return (struct str){NULL, 0};
    }
    struct str s = {c->p, n};
    if (n != 0)
        c->p += n;
    return s;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    struct str s = cursor_bytes(c, 1);
    return s.n == 1 ? (uint8_t)s.p[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    uint16_t v = 0;
    struct str s = cursor_bytes(c, sizeof(v));
    if (s.n == sizeof(v))
        memcpy(&v, s.p, sizeof(v));
    return __builtin_bswap16(v);
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    uint32_t v = 0;
    struct str s = cursor_bytes(c, sizeof(v));
    if (s.n == sizeof(v))
        memcpy(&v, s.p, sizeof(v));
    return __builtin_bswap32(v);
}

static inline uint64_t cursor_u64(struct cursor *c)
{
    uint64_t v = 0;
    struct str s = cursor_bytes(c, sizeof(v));
    if (s.n == sizeof(v))
        memcpy(&v, s.p, sizeof(v));
    return __builtin_bswap64(v);
}

/* The bytes before the next NUL, which is consumed. */
static inline struct str cursor_cstr(struct cursor *c)
{
    size_t left = cursor_left(c);
    const char *nul = !c->bad && left != 0 ? memchr(c->p, '\0', left) : NULL;
    if (nul == NULL) {
        c->bad = true;
        return (struct str){NULL, 0};
    }
    struct str s = {c->p, (size_t)(nul - c->p)};
    c->p = nul + 1;
    return s;
}

/* True where every read fitted and nothing is left over: what a decoder returns on. */
static inline bool cursor_ended_well(const struct cursor *c)
{
    return !c->bad && c->p == c->end;
}
