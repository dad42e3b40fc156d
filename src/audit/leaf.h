/*
 * What one record becomes: a leaf, which the tree covers, and what is put apart from it (docs/audit-format.md).
 *
 *   {"data":{...},"kind":"vote","seq":7,"time":"2026-11-22T17:20:00.123Z","v":1}
 *
 * in canonical JSON (RFC 8785), at most LIMIT_AUDIT_LEAF bytes. A member of `data` that is erasable (free text
 * of people and clients: see the table in leaf.c), or too long, stands apart; in its place the leaf has
 *
 *   {"$blob":"<hex of the commitment>","bytes":123}        commitment = SHA-256(salt || content)
 *
 * with the content (canonical JSON of the value) and its random salt next to the leaf in the journal. Without
 * salt the commitment says nothing, so both are overwritten to erase, and every proof stays good.
 */
#pragma once

#include "base/canonical.h"
#include "base/clock.h"
#include "base/digest.h"

enum { LEAF_VERSION = 1, LEAF_KIND_MAX = 40, APART_SALT = 16, APART_HEAD = 8 + DIGEST_SIZE + APART_SALT };

/* --- What stands apart -------------------------------------------------------------------------- */

enum apart_form {
    APART_CLEAR = 1,
    APART_SEALED = 2, /* nonce, AES-256-GCM of salt and content, tag; the key is in the vault */
    APART_ERASED = 3, /* salt and content are overwritten with zeros */
};

/* On disk: u8 form, 3 zero bytes, u32 length of content, commitment, salt, content. */
struct apart {
    enum apart_form form;
    struct digest commitment;
    const unsigned char *salt;
    struct str content;
    size_t at; /* where it begins in what it was read from */
};

/* Takes one off the front of s at *at. ERR_NOT_FOUND at the end, ERR_INVALID. Checks no commitment. */
MUST_USE enum err apart_next(struct str s, size_t *at, struct apart *ret);
/* Whether it is what was committed to; true for what is sealed or erased, which cannot be told. */
bool apart_is_good(const struct apart *a);
/* Finds the one with this commitment. ERR_NOT_FOUND, ERR_INVALID. */
MUST_USE enum err apart_find(struct str s, const struct digest *commitment, struct apart *ret);

/* --- Writing ------------------------------------------------------------------------------------ */

/* Asked for each member: the name of the redaction rule under which it goes apart, its clear text sealed; else
 * empty. `name` has its quotation marks ("\"$data\"": all members); `data` is the whole object, canonical. */
typedef struct str leaf_redact_fn(void *ctx, struct str kind, struct str data, struct str name);
/* Appends the sealed content for salt and content; the commitment names the key. */
typedef enum err leaf_seal_fn(void *ctx, const struct digest *commitment,
                              const unsigned char salt[static APART_SALT], struct str content,
                              struct buf *out);

struct leaf_maker {
    leaf_redact_fn *redact; /* NULL: nothing is redacted */
    leaf_seal_fn *seal;
    void *ctx;
    struct canonical canonical;
    struct buf data, content;
    unsigned char salts[256 * APART_SALT]; /* random, used from the end */
    size_t n_salts;
};

void leaf_maker_init(struct leaf_maker *m);
void leaf_maker_done(struct leaf_maker *m);

/* Appends the leaf to `leaf` and what stands apart to `apart`. ERR_INVALID: kind is not lower-case letters and _,
 * or data no JSON object in UTF-8 (with a name twice, a lone surrogate, nested deeper than LIMIT_JSON_DEPTH); ERR_NOMEM;
 * ERR_IO where there is no randomness or no vault. On error both are as before. */
MUST_USE enum err leaf_make(struct leaf_maker *m, uint64_t seq, int64_t wall_ns, struct str kind,
                            struct str data, struct buf *leaf, struct buf *apart);

/* --- Reading ------------------------------------------------------------------------------------ */

struct leaf {
    uint64_t seq;
    struct str time, kind, data; /* views into the leaf */
};
/* Its outer form, exactly as above. `data` is not looked into. ERR_INVALID. */
MUST_USE enum err leaf_parse(struct str bytes, struct leaf *ret);
/* RFC 3339 in UTC with milliseconds. ERR_INVALID. */
MUST_USE enum err leaf_time(struct str time, int64_t *ret_wall_ns);

/* One commitment in a leaf's data. */
struct leaf_commitment {
    struct digest digest;
    uint64_t bytes;
    struct str name;     /* of the member, with its quotation marks */
    struct str value;    /* the object that stands for it: a view into data */
    struct str redacted; /* the rule, or empty */
};
/* Calls `each` for every one, in their order; an error of it ends the walk and is returned. */
typedef enum err leaf_commitment_fn(void *ctx, const struct leaf_commitment *c);
MUST_USE enum err leaf_commitments(struct str data, leaf_commitment_fn *each, void *ctx);

/* Opens what is sealed: appends the clear content. ERR_NOT_FOUND where its key is gone or not to be had. */
typedef enum err leaf_open_fn(void *ctx, const struct apart *a, struct buf *out);

/* Appends data with everything put back; what cannot be is {"bytes":n,"commitment":"<hex>","erased":true} (or
 * "sealed":true, with "redacted":"<rule>"). *ret_missing counts those. ERR_CORRUPT where what stands apart is not
 * what was committed to. `open` may be NULL. */
MUST_USE enum err leaf_resolve(struct str data, struct str apart, leaf_open_fn *open, void *ctx,
                               struct buf *out, size_t *ret_missing);
