/*
 * Whether a log is what it was: every record, in order, as it was signed (docs/audit-format.md). Reads the directory
 * alone, needs no writer and takes no lock; the gateway may run meanwhile.
 *
 * What is checked: each frame and leaf, that numbers follow each other without a gap, that what stands apart is what its
 * commitment says (or was erased, with a record that says so), that all of it leads to the root that the checkpoint
 * signs, that the tiles say the same, that keys changed only by records that the key before signed, and, where the
 * caller kept a checkpoint, that the log still begins with what that one signed.
 */
#pragma once

#include "audit/note.h"
#include "base/digest.h"

enum audit_fault {
    AUDIT_GOOD = 1,
    AUDIT_CHANGED,    /* a record's bytes are not those that were signed, or are no record */
    AUDIT_CONTENT,    /* what stands apart of a record is not what it commits to, or is gone without a word */
    AUDIT_GAP,        /* records are missing */
    AUDIT_REORDERED,  /* the record that belongs here comes later */
    AUDIT_REPEATED,   /* a record that was there before comes again */
    AUDIT_CUT,        /* the end is missing: more was signed than there is */
    AUDIT_TORN,       /* the last record is unfinished */
    AUDIT_CHECKPOINT, /* the checkpoint is missing, or not signed by a key that is trusted */
    AUDIT_ROLLBACK,   /* the kept checkpoint covers more than there is: an older copy was put in place */
    AUDIT_FORK,       /* the log does not begin with what the kept checkpoint signed: another log in its place */
    AUDIT_TILE,       /* the records are good, a tile made of them is not: it can be made again */
};

struct audit_report {
    enum audit_fault fault;
    uint64_t first;      /* number of the first record that is there; more than 1 after retention */
    uint64_t records;    /* good ones, from there on */
    uint64_t seq;        /* of the first bad record; 0 where the fault is none of a record */
    uint64_t covered;    /* records that the checkpoint covers */
    uint64_t erased;     /* members whose content was erased, with a record that says so */
    struct digest root;  /* of the tree the checkpoint covers */
    char origin[NOTE_NAME + 1];
    char key[NOTE_NAME + 80]; /* that signed the checkpoint, "name+hash" */
    char file[4400];     /* where the fault is */
    uint64_t at;         /* byte in it */
    char text[512];      /* for people */
};

struct audit_verify_options {
    struct str dir;
    const struct note_key *keys; /* trusted; those that a rotation in the log leads to are trusted with them */
    size_t n_keys;
    struct str kept;             /* a checkpoint that was kept, the file's bytes; empty: none */
    bool no_tiles;               /* only what the records say */
};

/* ERR_NOT_FOUND: there is no log; ERR_INVALID: `kept` is no checkpoint that a trusted key signed; ERR_IO; ERR_NOMEM. A
 * fault is not an error: see ret->fault. */
MUST_USE enum err audit_verify(const struct audit_verify_options *o, struct audit_report *ret);

/* "changed", "gap", … */
const char *audit_fault_text(enum audit_fault f);

/* The keys in DIR/key.pub: what the log says of itself. ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
enum { AUDIT_KEYS = 64 };
MUST_USE enum err audit_own_keys(struct str dir, struct note_key ret[static AUDIT_KEYS], size_t *ret_n);
/* From the text of such a file. ERR_CORRUPT where a line is no key, or there is none. */
MUST_USE enum err audit_keys_parse(struct str text, struct note_key ret[static AUDIT_KEYS], size_t *ret_n);
