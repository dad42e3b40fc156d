/*
 * The journal: the files that are the log's truth (docs/audit-format.md). Everything else in its directory is made
 * from them, but for the keys and the signatures.
 *
 * DIR/journal/N, N being the number of its first record in 20 digits:
 *
 *   header   "countersign journal 1\n", zeros to 32 bytes; u64 first record; u32 number of hashes; those of the
 *            tree's unfinished tiles before that record, level by level; SHA-256 of all this
 *   frames   u32 length of the leaf, u32 length of what stands apart, the first 8 bytes of the leaf's hash, both
 *   zeros    what is allocated ahead
 *
 * A file's records end where the next file's begin: what lies behind them in it (a torn frame, bytes whose sync
 * failed) is no part of the log. So nothing is ever cut off or written again: whoever goes on begins a new file.
 */
#pragma once

#include "audit/tree.h"

enum { FRAME_HEAD = 16, FRAME_CHECK = 8, JOURNAL_NAME = 20 };

/* --- Writing: the bytes ------------------------------------------------------------------------- */

/* The header of a file whose records follow the `tree.size` leaves of the tree. */
MUST_USE enum err journal_header_put(const struct tree *t, struct buf *out);
/* Appends a frame for the leaf whose hash this is. */
MUST_USE enum err journal_frame_put(struct str leaf, struct str apart, const struct digest *hash,
                                    struct buf *out);
/* "journal/00000000000000000007" behind `dir` and a slash. ERR_LIMIT where out is too short. */
MUST_USE enum err journal_path(struct str dir, uint64_t first, char *out, size_t size);

/* --- Reading ------------------------------------------------------------------------------------ */

struct journal;

struct frame {
    uint64_t seq;
    struct str leaf, apart; /* views, until the next call */
    struct digest hash;     /* of the leaf: its frame says the same */
    uint64_t file;          /* the file's first record */
    uint64_t at;            /* of the frame in it */
};

/* Why journal_next gave ERR_CORRUPT. */
enum journal_fault {
    JOURNAL_CHANGED = 1, /* the frame of record `seq` is damaged, in a file that has more to come */
    JOURNAL_TAIL,        /* bytes that are no whole record behind the last one of the last file */
    JOURNAL_MISSING,     /* the next file begins later than this one ends */
    JOURNAL_HEADER,      /* a file's header is damaged, or says another first record than its name */
};
struct journal_trouble {
    enum journal_fault fault;
    uint64_t seq;     /* the record that should stand here */
    uint64_t next;    /* MISSING: the first record of the next file */
    char file[4200];  /* path */
    uint64_t at;      /* byte in it */
    uint64_t bytes;   /* TAIL: how many */
};

/* Stands before the file that holds record `from`, or the first one there is. ERR_NOT_FOUND: no journal there, or
 * an empty one; ERR_IO; ERR_NOMEM. A file that is damaged is told by journal_next. */
MUST_USE enum err journal_open(struct str dir, uint64_t from, struct journal **ret);
void journal_free(struct journal *j); /* NULL is fine */

/* Stands before the frame of `seq`, which began at byte `at` of the file whose first record is `file` when it was
 * read: journal_next sees whether it still does. ERR_NOT_FOUND: there is no such file; ERR_IO. */
MUST_USE enum err journal_seek(struct journal *j, uint64_t seq, uint64_t file, uint64_t at);

/* The tree before the first record of the present file (that of the last frame given; after journal_open, of the
 * one that comes next), as its header has it: believed, not proved, until a root that was signed comes out of it.
 * View. */
const struct tree *journal_tree(const struct journal *j);

/* The next record: its frame is whole and of the leaf that it holds. ERR_NOT_FOUND at the end; it may be called
 * again, and finds what was written since. ERR_CORRUPT: see journal_trouble. */
MUST_USE enum err journal_next(struct journal *j, struct frame *ret);
const struct journal_trouble *journal_trouble(const struct journal *j);

/* The first records of the files in DIR/journal, ascending; the caller frees. ERR_NOT_FOUND where there is none. */
MUST_USE enum err journal_files(struct str dir, uint64_t **ret, size_t *ret_n);
