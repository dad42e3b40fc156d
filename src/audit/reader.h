/*
 * The log read in order, record by record: for search, export, replay and the page. It needs no writer
 * and takes no lock; it may run in another process than the one that writes, while that writes.
 *
 * A record is given with what was put apart put back (docs/audit-format.md): long and erasable members
 * of `data` stand where they belong. One that was erased, or whose clear text is kept under a key that
 * this reader does not have, is {"erased":true,...} or {"sealed":true,...} instead, with the commitment
 * that proves what stood there. Nothing is verified here (audit_verify does), beyond what shows that the
 * bytes are a record.
 */
#pragma once

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"

struct audit_reader;

/* Views, valid until the next call on the same reader. */
struct audit_entry {
    uint64_t seq;            /* 1, 2, 3, … without a gap; the leaf's index in the tree is seq - 1 */
    int64_t wall_ns;         /* since 1970 UTC; whole milliseconds */
    struct str time;         /* the same as text, "2026-11-22T17:20:00.123Z" */
    struct str kind;         /* "vote" */
    struct str data;         /* one JSON object on one line, canonical (RFC 8785), with everything put back */
    struct str leaf;         /* the bytes that the tree covers: canonical JSON of at most 4 KiB */
    size_t n_erased;         /* members of data that could not be put back */
    uint64_t file, at;       /* where it stands, for audit_reader_seek */
};

/*
 * Opens the log in `dir` and stands before the record `from` (1: the first). Where the records up to it
 * were dropped by retention it stands before the first that is there. A `from` past the end is no
 * error: records that are written later are found by a later audit_reader_next.
 * ERR_NOT_FOUND: there is no log; ERR_CORRUPT; ERR_IO; ERR_NOMEM.
 */
MUST_USE enum err audit_reader_open(struct str dir, uint64_t from, struct audit_reader **ret);
void audit_reader_free(struct audit_reader *r); /* NULL is fine */

/* Sealed content is opened with the keys in DIR/vault, where that can be read; this names another file of them. */
MUST_USE enum err audit_reader_vault(struct audit_reader *r, const char *path);

/* Stands before the record `seq`, which stood at this place when it was read. The next call of audit_reader_next
 * sees whether it still does (ERR_CORRUPT where not). ERR_NOT_FOUND: that part of the log is gone; ERR_IO. */
MUST_USE enum err audit_reader_seek(struct audit_reader *r, uint64_t seq, uint64_t file, uint64_t at);

/* The next record. ERR_NOT_FOUND: there is none (yet; ask again later); ERR_CORRUPT: what stands there
 * is none, or records are missing before it; ERR_IO; ERR_NOMEM. */
MUST_USE enum err audit_reader_next(struct audit_reader *r, struct audit_entry *ret);

/* As every listing and export shows a record: {"seq":…,"time":…,"kind":…,"data":{…}}. */
void audit_entry_json(struct json *j, const struct audit_entry *e);
