/*
 * One line of the log (docs/audit-format.md):
 *
 *   {"seq":7,"time":"2026-11-22T17:20:00.123Z","kind":"vote","prev":"<hex>","data":{...},"hash":"<hex>"}
 *
 * `hash` is the SHA-256 of the line's bytes before `,"hash":`; `prev` is the hash of the record
 * before, 64 zeros in the first.
 */
#pragma once

#include "base/clock.h"
#include "base/digest.h"

#include <sys/types.h>

enum { AUDIT_KIND_MAX = 40, AUDIT_LINE_TAIL = 9 + DIGEST_HEX + 2 };

struct audit_record {
    uint64_t seq;
    struct str time, kind, data; /* views into the line */
    struct digest prev, hash;
};

/* Appends the line with its newline and gives its hash. `kind`: lower-case letters and _, `data`: one
 * JSON object on one line; else ERR_INVALID. On error nothing was appended. */
MUST_USE enum err audit_record_write(struct buf *out, uint64_t seq, int64_t wall_ns, struct str kind,
                                     const struct digest *prev, struct str data,
                                     struct digest *ret_hash);

/* Takes a line (without newline) apart; its form must be exactly the above. Does not look at
 * hashes. ERR_INVALID. */
MUST_USE enum err audit_record_parse(struct str line, struct audit_record *ret);

/* True where `hash` is that of the line. */
bool audit_record_is_whole(struct str line, const struct audit_record *r);
