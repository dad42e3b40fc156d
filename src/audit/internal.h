/* What the files of the writer share. Nobody else includes this. */
#pragma once

#include "audit/audit.h"
#include "audit/journal.h"
#include "audit/leaf.h"
#include "audit/signer.h"
#include "audit/tile.h"
#include "audit/vault.h"
#include "base/limits.h"

/* The file that is written. */
struct journal_file {
    int fd;             /* -1: none */
    uint64_t first;
    uint64_t length;    /* written */
    uint64_t allocated; /* ahead; UINT64_MAX where the system does not allocate */
};

struct audit {
    struct audit_io io;
    const struct audit_settings *settings;
    char *dir;
    int lock;
    struct journal_file file;
    struct leaf_maker maker;
    struct vault *vault; /* NULL: nothing is sealed */

    struct buf pending;  /* whole frames, not yet written */
    struct buf leaf, apart;
    struct buf leaves;   /* of the records that were appended since the last sync: u16 length and leaf, each */
    struct digest *hashes; /* and their hashes: LIMIT_AUDIT_UNSYNCED */
    size_t n_unsynced;
    int64_t sync_due;    /* monotonic, where n_unsynced != 0 */
    int64_t now_mono_ns; /* as told last */

    struct tile_writer tiles; /* its tree has what is on disk */

    struct signer *signer;
    uint64_t published;      /* records that the last checkpoint covers */
    uint64_t signing;        /* that the one being signed does */
    int64_t publish_due;     /* monotonic; INT64_MAX: nothing to do */
    struct buf text;         /* of the one being signed */
    struct buf checkpoint;   /* the last one */
    char unsigned_text[256]; /* why none could be published; empty: well */

    struct journal *retain_journal; /* stands before the first record that retention has not looked at; or NULL */
    int64_t retain_due;             /* monotonic */
    char retain_text[256];          /* why the last step failed; empty: well */

    uint64_t refused, cut;   /* appends while broken; records left behind, not yet said */
    bool broken, took_over;
    char broken_text[256];
    struct audit_counters counters;
};

/* Marks the log as broken, with errno as the reason. Always ERR_IO. */
MUST_USE enum err audit_break(struct audit *a, const char *doing);

/* --- file.c -------------------------------------------------------------------------------------- */

/* Begins a file behind `t` under a name that nobody reads yet. */
MUST_USE enum err file_begin(struct audit *a, const struct tree *t, struct journal_file *ret);
/* Appends whole frames, allocating ahead. */
MUST_USE enum err file_write(struct audit *a, struct journal_file *f, struct str frames);
/* Its bytes are on disk, and it has its name: it becomes a->file; the one before is closed as it is. */
MUST_USE enum err file_commit(struct audit *a, struct journal_file *f);
void file_close(struct journal_file *f, bool trim);

/* --- erase.c, retain.c ---------------------------------------------------------------------------- */

/* Overwrites what stands apart in the frame, in its file. Not synced. */
MUST_USE enum err erase_content(struct audit *a, const struct frame *f, int fd);

/* Drops some of the bodies that are older than the settings keep, where that is due. */
MUST_USE enum err retain_step(struct audit *a, struct moment now);

/* --- publish.c ----------------------------------------------------------------------------------- */

/* One step towards a checkpoint over everything on disk. ERR_INCOMPLETE: the signature is awaited. */
MUST_USE enum err publish_step(struct audit *a, struct moment now);
/* Until it is published, or ERR_TIMEOUT: for start and stop. */
MUST_USE enum err publish_now(struct audit *a, struct moment now);
/* Reads DIR/checkpoint. ERR_NOT_FOUND; ERR_CORRUPT: no checkpoint of ours. */
MUST_USE enum err publish_load(struct audit *a, struct checkpoint *ret);

/* --- start.c ------------------------------------------------------------------------------------- */

/* Everything that audit_open does behind the lock. */
MUST_USE enum err audit_start(struct audit *a, struct moment now, char *said, size_t size);
/* Makes the tiles again of which some could not be written. */
MUST_USE enum err tiles_again(struct audit *a);
