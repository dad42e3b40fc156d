/*
 * The store: requests, votes, grants and tokens, on SQLite (WAL, synchronous=FULL: what was
 * committed survives power loss). One process has it open.
 *
 * Changes happen between store_begin and store_commit only (ERR_BAD_STATE otherwise), so that the
 * broker can write its record in between; whatever fails leaves the store as it was after
 * store_rollback. An error of the database (locked, full, broken) is ERR_IO, its text is
 * store_error_text: the broker refuses.
 *
 * Everything that is read is copied into the caller's arena.
 */
#pragma once

#include "base/arena.h"
#include "model/request.h"

struct store;

struct store_error {
    char text[512];
};

/* Opens or creates `path`; the file and its side files get mode 0600. Migrates. ERR_IO;
 * ERR_CORRUPT: not a database, or one of a later version; ERR_EXISTS: another process has it. */
MUST_USE enum err store_open(struct str path, struct store **ret, struct store_error *ret_error);
void store_close(struct store *s); /* NULL is fine */

/* What the database said last, for people. View, until the next call. */
const char *store_error_text(const struct store *s);

MUST_USE enum err store_begin(struct store *s);
MUST_USE enum err store_commit(struct store *s);
void store_rollback(struct store *s); /* does nothing outside a transaction */

/* --- Requests -------------------------------------------------------------------------------- */

/* Who holds or runs it: the worker with this index and process id, under this keeper. */
struct store_holder {
    struct str instance;
    uint32_t worker, pid;
    uint64_t hold; /* 0: nobody holds it */
};

struct store_request {
    struct request r;
    int64_t run_within_ns;
    struct store_holder holder;
};

/* r.id and r.votes are not read; r.state must be pending. */
MUST_USE enum err store_request_insert(struct store *s, const struct store_request *q,
                                       uint64_t *ret_id);

/* What else is written with a change of state. */
struct store_change {
    enum request_state from, to;
    int64_t decided_wall_ns, run_by_wall_ns; /* 0: unchanged */
    struct str outcome;                      /* empty: unchanged */
};
/* Compare and set: ERR_STALE where it is not in state `from`; ERR_BUG where request_may_become
 * does not allow the change. */
MUST_USE enum err store_request_move(struct store *s, uint64_t id, const struct store_change *c);

/* The first n_asked names of the requirement (its place in the quorum) are asked: those that were not
 * yet, since wall_ns. ERR_STALE where that is nobody. */
MUST_USE enum err store_request_ask(struct store *s, uint64_t id, size_t requirement,
                                    size_t n_asked, int64_t wall_ns);

MUST_USE enum err store_request_set_holder(struct store *s, uint64_t id,
                                           const struct store_holder *holder);

/* With votes, oldest first. ERR_NOT_FOUND; ERR_CORRUPT: the envelope is not what the digest says. */
MUST_USE enum err store_request_get(struct store *s, uint64_t id, struct arena *a,
                                    struct store_request *ret);

struct store_filter {
    uint32_t states; /* bits 1 << enum request_state */
    uint64_t before; /* ids below it only */
    uint32_t limit;
    size_t envelope_max; /* longer ones are left empty */
};
/* Newest first, with votes. */
MUST_USE enum err store_request_list(struct store *s, const struct store_filter *f,
                                     struct arena *a, struct store_request **ret, size_t *ret_n);

/* --- Votes and grants ------------------------------------------------------------------------ */

/* Its retracted_wall_ns is not read. ERR_EXISTS: a vote of this person stands. */
MUST_USE enum err store_vote_insert(struct store *s, uint64_t request, const struct vote *v);
/* The person's standing vote no longer stands. ERR_STALE where there is none. */
MUST_USE enum err store_vote_retract(struct store *s, uint64_t request, struct str person,
                                     int64_t wall_ns);

/* The right to run one action: bound to what, who, where, until when, how often. */
struct store_grant {
    uint64_t request;
    struct digest digest;
    struct str subject, resource;
    int64_t expires_wall_ns;
    uint32_t uses;
};
MUST_USE enum err store_grant_insert(struct store *s, const struct store_grant *g);

/* Takes one use. ERR_STALE where no grant of this request with this digest, subject and resource
 * has one left. (Expiry is judged by the caller on the monotonic clock.) */
MUST_USE enum err store_grant_use(struct store *s, uint64_t request, const struct digest *digest,
                                  struct str subject, struct str resource);

/* --- Ends that nobody was told ------------------------------------------------------------------- */

/* A request that ended while no client held on; the next submission of the same action is told. */
MUST_USE enum err store_untold_insert(struct store *s, uint64_t request, const struct digest *digest,
                                      struct str subject, int64_t ended_wall_ns);
/* The newest that ended since then. ERR_NOT_FOUND. */
MUST_USE enum err store_untold_find(struct store *s, const struct digest *digest, struct str subject,
                                    int64_t since_wall_ns, uint64_t *ret_request);
/* ERR_STALE where there is none. */
MUST_USE enum err store_untold_remove(struct store *s, uint64_t request);

/* --- Tokens ---------------------------------------------------------------------------------- */

struct store_token {
    uint64_t id;
    struct digest hash; /* SHA-256 of the token */
    struct str person, label;
    uint32_t scopes; /* the caller's bits */
    int64_t created_wall_ns, expires_wall_ns, revoked_wall_ns; /* 0: never, not */
};
MUST_USE enum err store_token_insert(struct store *s, const struct store_token *t, uint64_t *ret_id);
MUST_USE enum err store_token_list(struct store *s, struct arena *a, struct store_token **ret,
                                   size_t *ret_n);
MUST_USE enum err store_token_by_id(struct store *s, uint64_t id, struct arena *a,
                                    struct store_token *ret);
MUST_USE enum err store_token_by_hash(struct store *s, const struct digest *hash, struct arena *a,
                                      struct store_token *ret);
/* ERR_STALE where there is none such, or it was revoked before. */
MUST_USE enum err store_token_revoke(struct store *s, uint64_t id, int64_t wall_ns);

/* --- The log's position ---------------------------------------------------------------------- */

/* Where the audit log stood when a change was committed: the last record's number, and the length of
 * the file. Zeros before the first. */
struct store_position {
    uint64_t seq, length;
};
MUST_USE enum err store_position_set(struct store *s, struct store_position p);
MUST_USE enum err store_position(struct store *s, struct store_position *ret);
