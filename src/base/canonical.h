/*
 * Canonical JSON (RFC 8785, the JSON Canonicalization Scheme): one byte sequence for each value, so
 * that a digest of it means the value. No white space; members sorted by their names' UTF-16 code
 * units; strings with the shortest escapes; numbers as ECMAScript prints a double.
 */
#pragma once

#include "base/buf.h"

/* What to do with an integer that a double cannot hold exactly (beyond 2^53 - 1). */
enum canonical_integers {
    CANONICAL_AS_DOUBLE = 1, /* RFC 8785 to the letter: it is rounded */
    CANONICAL_AS_STRING,     /* its digits as a string (RFC 7493, section 2.2): loses nothing */
};

/* A member of the outermost object, as it stands in the output. Offsets from where the output began. */
struct canonical_member {
    size_t at;              /* of the name's opening quotation mark */
    size_t name_n;          /* of the name with its quotation marks; the value begins at at + name_n + 1 */
    size_t n;               /* of name, colon and value */
};

/* Reads and writes; the memory is kept from one call to the next. */
struct canonical {
    enum canonical_integers integers;
    /* Of the last value, where it was an object: sorted. View, until the next call. */
    const struct canonical_member *members;
    size_t n_members;
    struct buf *out; /* from here on its own */
    size_t start;
    const char *p, *end;
    unsigned depth;
    struct buf stack, sorted;
};

void canonical_init(struct canonical *c, enum canonical_integers integers);
void canonical_done(struct canonical *c);

/*
 * Appends the canonical form of one JSON value, white space around it allowed. ERR_INVALID: no JSON, not
 * UTF-8, a lone surrogate, a name twice in one object, a number beyond the range of a double; ERR_LIMIT:
 * nested deeper than LIMIT_JSON_DEPTH, or the cap of `out`; ERR_NOMEM. On error nothing was appended.
 */
MUST_USE enum err canonical_put(struct canonical *c, struct str json, struct buf *out);
