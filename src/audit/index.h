/*
 * An index over the log, in a file beside it: which records could be about somebody or something. It is made
 * from the log and can be made again at any time; nothing is ever believed because it stands there: every
 * record it names is read from the log and looked at (audit/search.h).
 *
 * SQLite with FTS5. Each record is a row of words; what is looked up whole (a person, a guardrail) is one
 * word made of its hash.
 */
#pragma once

#include "audit/about.h"

#define AUDIT_INDEX_FILE "index.sqlite"

struct audit_index;

/*
 * Opens, or makes an empty one. An index of another log, of another version of this program's, one that a
 * machine's crash interrupted or that SQLite calls corrupt is deleted and begun anew: *ret_new is true then.
 * ERR_FORBIDDEN: the directory cannot be written; ERR_NOT_FOUND: there is no log; ERR_IO; ERR_NOMEM.
 */
MUST_USE enum err audit_index_open(struct str dir, struct audit_index **ret, bool *ret_new);
void audit_index_close(struct audit_index *x); /* NULL is fine */

/* Deletes it. ERR_IO; ERR_OK where there was none. */
MUST_USE enum err audit_index_drop(struct str dir);

/* Takes in what the log has and the index has not, up to `most` records. *ret_n: how many; 0: it is up to date.
 * ERR_CORRUPT: the log has a gap or something that is no record there; ERR_IO. */
MUST_USE enum err audit_index_advance(struct audit_index *x, uint64_t most, uint64_t *ret_n);
/* One past the last record it has. */
uint64_t audit_index_next(const struct audit_index *x);

/* --- Asking ---------------------------------------------------------------------------------------- */

enum audit_term { TERM_PERSON = 'p', TERM_RESOURCE = 'r', TERM_GUARDRAIL = 'g', TERM_OUTCOME = 'o', TERM_KIND = 'k', TERM_REQUEST = 'q' };

/* Appends the condition to a query; all of them must hold. */
MUST_USE enum err audit_index_ask(struct buf *query, enum audit_term term, struct str value);
/* Every word of the text; one that ends in `*` is the beginning of one. */
MUST_USE enum err audit_index_ask_text(struct buf *query, struct str text);

/* The seqs [*from, *to) outside of which no record can be of [since_ns, until_ns); narrower than what was given. */
MUST_USE enum err audit_index_times(struct audit_index *x, int64_t since_ns, int64_t until_ns,
                                    uint64_t *from, uint64_t *to);

/* A record at or before `seq`, near it, and where it stood (audit_reader_seek). ERR_NOT_FOUND. */
MUST_USE enum err audit_index_place(struct audit_index *x, uint64_t seq, uint64_t *ret_near,
                                    uint64_t *ret_file, uint64_t *ret_at);

/* Calls `each` with the seq of every record within [from, to) that answers the query (empty: with all), the
 * newest first or the oldest, until it says false. ERR_CORRUPT: the index is; delete it. */
typedef bool audit_index_each_fn(void *ctx, uint64_t seq);
MUST_USE enum err audit_index_find(struct audit_index *x, struct str query, uint64_t from, uint64_t to,
                                   bool oldest_first, audit_index_each_fn *each, void *ctx);
