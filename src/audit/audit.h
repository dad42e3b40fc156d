/*
 * The audit log: a transparency log in the C2SP formats (docs/audit-format.md). One process writes it.
 *
 *   append --> pending --write--> journal file --sync--> on disk --> tree, tiles --sign--> checkpoint
 *
 * What must precede its effect is written with audit_append_durable: when it returns ERR_OK the record, and every one
 * before it, is on disk. Other records are collected and synced together, LIMIT_AUDIT_DELAY_MS after the first of them
 * or when LIMIT_AUDIT_UNSYNCED wait (audit_tick at audit_due). The tree and the checkpoint only ever cover what is on
 * disk; the checkpoint follows within LIMIT_AUDIT_CHECKPOINT_MS.
 *
 * A write or sync that fails breaks the log: every later append gives ERR_IO, and the file at hand is never written or
 * synced again, since after a failed sync the system may report success for what is lost. audit_recover begins a new
 * file behind the last record that is known to be on disk. What it leaves behind was acknowledged to nobody as durable;
 * a record `repaired` says what and how much. Every start begins a new file too, with what was not covered by the
 * checkpoint written anew.
 */
#pragma once

#include "audit/io.h"
#include "audit/reader.h"
#include "model/audit_settings.h"

struct audit;

struct audit_error {
    char text[768];
};

/*
 * Opens or creates the log (directories 0700, files 0600, a key where there is none). ERR_EXISTS: another process
 * writes it; ERR_CORRUPT: it does not lead to its signed checkpoint, or its end is missing; ERR_INVALID, ERR_IO. io NULL:
 * the system's. `s` has to live as long as the log.
 */
MUST_USE enum err audit_open(const struct audit_settings *s, const struct audit_io *io, struct moment now,
                             struct audit **ret, struct audit_error *ret_error);

/* Whether nobody writes the log in `dir` now: ERR_OK, ERR_EXISTS: somebody does, ERR_NOT_FOUND: there is none, ERR_IO. */
MUST_USE enum err audit_is_free(struct str dir);

/* Syncs and signs what is left. NULL is fine. */
void audit_close(struct audit *a);

/* `data` is one JSON object; it is recorded in canonical form (RFC 8785), integers beyond 2^53 - 1 as strings. ERR_IO
 * once the log is broken; ERR_INVALID (leaf_make), ERR_LIMIT (LIMIT_AUDIT_RECORD), ERR_NOMEM: nothing was appended, the
 * log is as before. ret_seq may be NULL. */
MUST_USE enum err audit_append(struct audit *a, const char *kind, struct str data, struct moment now,
                               uint64_t *ret_seq);
MUST_USE enum err audit_append_durable(struct audit *a, const char *kind, struct str data, struct moment now,
                                       uint64_t *ret_seq);

/* Everything appended so far is on disk when it returns ERR_OK. */
MUST_USE enum err audit_sync(struct audit *a);

/* Syncs and signs what is due. A failure breaks the log (audit_broken) or is tried again (audit_unsigned). */
void audit_tick(struct audit *a, struct moment now);
/* When audit_tick is due, monotonic; INT64_MAX where nothing waits. */
int64_t audit_due(const struct audit *a);

/* Mends a broken log, once the disk is well again. ERR_IO: it is not, try later. Does nothing to a healthy one. */
MUST_USE enum err audit_recover(struct audit *a, struct moment now);

/* NULL while healthy, else what broke it, for people. View, as long as the log. */
const char *audit_broken(const struct audit *a);
uint64_t audit_last_seq(const struct audit *a); /* of the last record appended, 0 where none */
/* NULL while checkpoints can be signed and published, else why not. View, until the next call. */
const char *audit_unsigned(const struct audit *a);
/* NULL while retention does what it is to do, else why not. View, until the next call. */
const char *audit_unretained(const struct audit *a);
/* The log was begun at this start behind one of an earlier version, which it names in its first record. */
bool audit_took_over(const struct audit *a);

struct audit_counters {
    uint64_t records, syncs, bytes;
    uint64_t covered; /* records that the last checkpoint covers */
};
struct audit_counters audit_counters(const struct audit *a);

/* --- The key, the checkpoint -------------------------------------------------------------------- */

/* The last signed checkpoint, with the cosignatures that came for it. View, until the next call. */
struct str audit_checkpoint(const struct audit *a);
/* A witness's signature lines for the checkpoint of `size` records; kept where they verify and it is still the last one.
 * ERR_STALE: it is not; ERR_CORRUPT: no line of a witness that the settings name. */
MUST_USE enum err audit_cosign(struct audit *a, uint64_t size, struct str lines);

/* Makes a new key, recorded as `key_rotated` and signed by both, and signs with it from here on. `by` is who asked.
 * ERR_UNSUPPORTED where a command signs. */
MUST_USE enum err audit_rotate_key(struct audit *a, struct str by, struct moment now);

/* --- Erasing ------------------------------------------------------------------------------------ */

/* Records `erased` (what, by whom, why), then overwrites what stands apart of record `seq`, and the keys of what is
 * sealed of it. *ret_n: how many members. ERR_NOT_FOUND: there is no such record, or nothing of it to be erased. */
MUST_USE enum err audit_erase(struct audit *a, uint64_t seq, struct str by, struct str reason, struct moment now,
                              size_t *ret_n);

/* --- Tiles -------------------------------------------------------------------------------------- */

/* Makes the tiles of all records anew that the checkpoint in `dir` covers. ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
MUST_USE enum err audit_rebuild(struct str dir);

/* --- Reading ------------------------------------------------------------------------------------ */

/* Calls `each` for every record from number `from` on, until it says false (audit/reader.h). */
typedef bool audit_each_fn(void *ctx, const struct audit_entry *e);
MUST_USE enum err audit_each(struct str dir, uint64_t from, audit_each_fn *each, void *ctx);
