/*
 * Strings are pointer and length; they may hold NUL and any byte. A `struct str` is always a view:
 * it owns nothing and is valid while what it points into is. {NULL, 0} is the empty string.
 */
#pragma once

#include "base/err.h"

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal) {(literal), sizeof(literal) - 1} /* for static initialisers */
#define STR_FMT(s) (int)(s).n, (s).p != NULL ? (s).p : "" /* for "%.*s"; n must fit an int */

static inline struct str str_of(const char *z)
{
    return (struct str){z, z != NULL ? strlen(z) : 0};
}

static inline struct str str_from(const void *p, size_t n)
{
    return (struct str){(const char *)p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *z)
{
    return str_eq(a, str_of(z));
}

/* ASCII letters only: never used to compare identities. */
bool str_eq_ascii_nocase(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains(struct str s, struct str needle);
bool str_contains_ascii_nocase(struct str s, struct str needle);

/* The byte-wise order: <0, 0, >0. */
int str_cmp(struct str a, struct str b);

/* s without leading and trailing ASCII white space. */
struct str str_trim(struct str s);

/* Splits at the first `sep`: *ret_head and *ret_tail are views; false where there is none. */
bool str_cut(struct str s, char sep, struct str *ret_head, struct str *ret_tail);

/* Decimal, the whole of s, no sign or space for the unsigned one. ERR_INVALID | ERR_LIMIT (range). */
MUST_USE enum err str_to_u64(struct str s, uint64_t *ret);
MUST_USE enum err str_to_i64(struct str s, int64_t *ret);

/* A NUL-terminated heap copy, freed with free(); NULL where memory is out or s holds a NUL. */
char *str_dupz(struct str s);

/* True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(struct str s);

/* FNV-1a, 64 bits: for tables whose keys the peer cannot choose freely. */
uint64_t str_hash(struct str s);

/* Eight bytes at a time, keyed: for tables whose keys a peer chooses. The seed must be unknown to that peer. */
uint64_t str_hash_seeded(struct str s, uint64_t seed);
