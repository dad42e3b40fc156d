/*
 * The audit log: an append-only file of records, each carrying the hash of the one before
 * (audit/record.h, docs/audit-format.md). One process writes it.
 *
 * What must precede its effect is written with audit_append_durable: when it returns ERR_OK the
 * record, and every one before it, is on disk. Other records are collected and synced together,
 * LIMIT_AUDIT_DELAY_MS after the first of them (audit_sync at audit_sync_due).
 *
 * A write or sync that fails breaks the log: every later append gives ERR_IO, and nothing is written
 * again behind what may be lost, since after a failed sync the system may report success for it.
 * audit_recover cuts the file back to what is known to be on disk and goes on from there. What it
 * cuts was acknowledged to nobody as durable; a record `repaired` says what and how much.
 */
#pragma once

#include "audit/record.h"

struct audit;

/* What touches the disk, so that tests can make it fail. Like the system calls of the same names:
 * -1 and errno. */
struct audit_io {
    void *ctx;
    ssize_t (*write)(void *ctx, int fd, const void *p, size_t n);
    int (*fdatasync)(void *ctx, int fd);
    int (*ftruncate)(void *ctx, int fd, off_t length);
};

#define AUDIT_FILE "audit.jsonl"

struct audit_error {
    char text[512];
};

/*
 * Opens or creates dir/audit.jsonl (directory 0700, file 0600). A last line without its newline was
 * never acknowledged to anybody: it is cut off and a record `repaired` says so. ERR_EXISTS: another
 * process writes it; ERR_CORRUPT: its last record does not verify; ERR_IO. io NULL: the system's.
 */
MUST_USE enum err audit_open(struct str dir, const struct audit_io *io, struct moment now,
                             struct audit **ret, struct audit_error *ret_error);

/* Syncs what is left. NULL is fine. */
void audit_close(struct audit *a);

/* ERR_IO once the log is broken; ERR_INVALID (audit_record_write), ERR_LIMIT (LIMIT_AUDIT_RECORD),
 * ERR_NOMEM: nothing was appended, the log is as before. ret_seq may be NULL. */
MUST_USE enum err audit_append(struct audit *a, const char *kind, struct str data,
                               struct moment now, uint64_t *ret_seq);
MUST_USE enum err audit_append_durable(struct audit *a, const char *kind, struct str data,
                                       struct moment now, uint64_t *ret_seq);

/* Everything appended so far is on disk when it returns ERR_OK. */
MUST_USE enum err audit_sync(struct audit *a);
/* When audit_sync is due, monotonic; INT64_MAX where nothing waits. */
int64_t audit_sync_due(const struct audit *a);

/* Mends a broken log, once the disk is well again. ERR_IO: it is not, try later. Does nothing to a
 * healthy one. */
MUST_USE enum err audit_recover(struct audit *a, struct moment now);

/* NULL while healthy, else what broke it, for people. View, as long as the log. */
const char *audit_broken(const struct audit *a);
uint64_t audit_last_seq(const struct audit *a);
/* Of the file with everything appended so far: where the next record begins. */
uint64_t audit_length(const struct audit *a);

struct audit_counters {
    uint64_t records, syncs, bytes;
};
struct audit_counters audit_counters(const struct audit *a);

/* --- Reading --------------------------------------------------------------------------------- */

enum audit_fault {
    AUDIT_GOOD = 1,
    AUDIT_CHANGED,   /* a record's bytes are not what its hash says, or are no record */
    AUDIT_GAP,       /* records are missing */
    AUDIT_REORDERED, /* the record that belongs here comes later */
    AUDIT_REPEATED,  /* a record that was there before comes again */
    AUDIT_SPLICED,   /* the record is whole but does not follow the one before it */
    AUDIT_TORN,      /* the last line is unfinished */
};

struct audit_report {
    enum audit_fault fault;
    uint64_t records;         /* good ones, from the start */
    uint64_t last_seq;        /* of the last good one, 0 where none */
    struct digest last_hash;  /* compare it with a copy kept elsewhere: a cut end leaves no trace */
    uint64_t line;            /* of the fault, from 1 */
    uint64_t expected_seq, found_seq; /* at the fault; found 0 where it is no record */
    char text[256];           /* for people */
};

/* Reads the whole file, without the writer's lock, and stops at the first fault. ERR_NOT_FOUND,
 * ERR_IO. A fault is not an error: see ret->fault. */
MUST_USE enum err audit_verify(const char *path, struct audit_report *ret);

/* "changed", "gap", … */
const char *audit_fault_text(enum audit_fault f);

/* Calls `each` for every record from byte `from` of the file on (0, or a value of audit_length), until
 * it says false. The records are parsed, not verified. ERR_CORRUPT where a line is no record. */
typedef bool audit_each_fn(void *ctx, const struct audit_record *r);
MUST_USE enum err audit_each(const char *path, uint64_t from, audit_each_fn *each, void *ctx);
