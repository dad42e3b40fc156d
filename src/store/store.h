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
#include "base/limits.h"
#include "model/grant.h"
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

/* --- Impact ---------------------------------------------------------------------------------- */

/* What running the request would do: JSON, and the digest of what actions have in common that differ in values
 * alone (zeros: it is like no other). A second one replaces the first. */
MUST_USE enum err store_impact_set(struct store *s, uint64_t request, const struct digest *shape, struct str json);
/* ERR_NOT_FOUND. */
MUST_USE enum err store_impact_get(struct store *s, uint64_t request, struct arena *a, struct digest *ret_shape,
                                   struct str *ret_json);
/* How earlier requests of this shape on this resource ended, of the last LIMIT_IMPACT_HISTORY of that shape. */
MUST_USE enum err store_impact_history(struct store *s, uint64_t request, const struct digest *shape,
                                       struct str resource, uint64_t ret_ended[static REQUEST_STATE_COUNT_]);

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

/* --- Grants that outlive one run (grants.c) --------------------------------------------------------- */

/* What may be granted with an approval of a request; no row where it is one run. */
struct store_terms {
    struct grant_terms terms;
    struct digest shape;
    struct str shape_text, session;
    struct str guardrails; /* that a grant would cover: those whose people are asked */
};
MUST_USE enum err store_terms_insert(struct store *s, uint64_t request, const struct store_terms *t);
MUST_USE enum err store_terms_get(struct store *s, uint64_t request, struct arena *a,
                                  struct store_terms *ret); /* ERR_NOT_FOUND */

/* What an approver chose; the later choice of one person replaces the earlier. Never set: one run. */
MUST_USE enum err store_choice_set(struct store *s, uint64_t request, struct str person,
                                   const struct grant_choice *c);
MUST_USE enum err store_choice_get(struct store *s, uint64_t request, struct str person,
                                   struct grant_choice *ret);

/* g's id, used and revoked_* are not read. One grant a request: ERR_EXISTS. */
MUST_USE enum err store_standing_insert(struct store *s, const struct grant *g, uint64_t *ret_id);
MUST_USE enum err store_standing_get(struct store *s, uint64_t id, struct arena *a, struct grant *ret);
/* In force for the subject, oldest first, at most LIMIT_GRANTS_OF_SUBJECT. */
MUST_USE enum err store_standing_of(struct store *s, struct str subject, int64_t now_wall_ns,
                                    struct arena *a, struct grant **ret, size_t *ret_n);
/* All with an id below `before`, newest first, at most LIMIT_LIST. */
MUST_USE enum err store_standing_list(struct store *s, uint64_t before, struct arena *a,
                                      struct grant **ret, size_t *ret_n);
/* ERR_STALE where there is none such, or it was revoked before. */
MUST_USE enum err store_standing_revoke(struct store *s, uint64_t id, struct str by, struct str why,
                                        int64_t wall_ns);

/* A request counts on a use of the grant (a reservation), and takes it: ERR_STALE where the grant is
 * revoked, expired or used up, or this request has taken its use before. */
MUST_USE enum err store_use_insert(struct store *s, uint64_t grant, uint64_t request);
MUST_USE enum err store_use_take(struct store *s, uint64_t grant, uint64_t request, int64_t wall_ns);
/* Uses that open requests other than `but_request` count on. */
MUST_USE enum err store_use_reserved(struct store *s, uint64_t grant, uint64_t but_request, uint32_t *ret);
/* The grants a request counts on or used. */
MUST_USE enum err store_use_grants_of(struct store *s, uint64_t request,
                                      uint64_t ids[static LIMIT_GRANTS_OF_ONE], size_t *ret_n);
/* The requests that count on the grant and have not run. */
MUST_USE enum err store_use_waiting(struct store *s, uint64_t grant, struct arena *a, uint64_t **ret,
                                    size_t *ret_n);

/* Marks a request as released without its quorum; store_request_get reads it. */
MUST_USE enum err store_bypass_set(struct store *s, uint64_t request, enum request_bypass kind);

/* --- Break-glass (glass.c) ------------------------------------------------------------------------ */

/* One authenticator a person; setting it anew forgets the old one. */
MUST_USE enum err store_totp_set(struct store *s, struct str person, struct str secret, int64_t wall_ns);
/* ERR_NOT_FOUND. The caller overwrites the secret. */
MUST_USE enum err store_totp_get(struct store *s, struct str person, struct arena *a, struct str *ret_secret,
                                 uint64_t *ret_last_step);
/* ERR_STALE where this step or a later one was used. */
MUST_USE enum err store_totp_use(struct store *s, struct str person, uint64_t step);

MUST_USE enum err store_sealed_insert(struct store *s, const struct digest *hash, struct str person,
                                      int64_t wall_ns, uint64_t *ret_id);
/* One of this person's that was not used. ERR_NOT_FOUND. */
MUST_USE enum err store_sealed_find(struct store *s, const struct digest *hash, struct str person,
                                    uint64_t *ret_id);
MUST_USE enum err store_sealed_use(struct store *s, uint64_t id, uint64_t request, int64_t wall_ns); /* ERR_STALE */

/* Wrong codes in a row; zeros where there were none. */
MUST_USE enum err store_tries_get(struct store *s, struct str person, uint32_t *ret_failures,
                                  int64_t *ret_locked_until_wall_ns);
MUST_USE enum err store_tries_set(struct store *s, struct str person, uint32_t failures,
                                  int64_t locked_until_wall_ns);

struct store_review {
    uint64_t request;
    struct str person, reason, factor;
    int64_t broken_wall_ns, due_wall_ns, reviewed_wall_ns; /* 0: not yet */
    struct str reviewer, note;
};
/* reviewed, reviewer and note are not read. */
MUST_USE enum err store_review_insert(struct store *s, const struct store_review *r);
MUST_USE enum err store_review_get(struct store *s, uint64_t request, struct arena *a, struct store_review *ret);
/* Newest first, at most LIMIT_LIST. */
MUST_USE enum err store_review_list(struct store *s, struct arena *a, struct store_review **ret, size_t *ret_n);
/* Some review of this person's that is due and not done. ERR_NOT_FOUND. */
MUST_USE enum err store_review_overdue(struct store *s, struct str person, int64_t now_wall_ns,
                                       uint64_t *ret_request);
MUST_USE enum err store_review_close(struct store *s, uint64_t request, struct str reviewer, struct str note,
                                     int64_t wall_ns); /* ERR_STALE */

/* --- Statistics (stats.c) ------------------------------------------------------------------------- */

/* One vote, and how long after its request was opened. */
struct store_vote_time {
    struct str person, guardrails; /* guardrails: comma-separated */
    enum vote_kind kind;
    int64_t took_ns;
};
/* Cast since then, the newest requests' first, at most LIMIT_STATS_VOTES. */
MUST_USE enum err store_vote_times(struct store *s, int64_t since_wall_ns, struct arena *a,
                                   struct store_vote_time **ret, size_t *ret_n);

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
/* What a database login with a token is checked against (identity/scram.h). */
struct store_token_keys {
    struct digest stored, server;
};
MUST_USE enum err store_token_keys_insert(struct store *s, uint64_t token, const struct store_token_keys *k);
/* The person's tokens that have keys, newest first, at most `limit`. */
struct store_keyed_token {
    struct store_token token;
    struct store_token_keys keys;
};
MUST_USE enum err store_tokens_with_keys(struct store *s, struct str person, uint32_t limit, struct arena *a,
                                         struct store_keyed_token **ret, size_t *ret_n);
/* ERR_STALE where there is none such, or it was revoked before. */
MUST_USE enum err store_token_revoke(struct store *s, uint64_t id, int64_t wall_ns);

/* --- Delegations ----------------------------------------------------------------------------- */

/* `from` lets `to` decide in their place, until then. */
struct store_delegation {
    uint64_t id;
    struct str from, to, reason;
    int64_t created_wall_ns, until_wall_ns, revoked_wall_ns; /* revoked 0: not */
};
MUST_USE enum err store_delegation_insert(struct store *s, const struct store_delegation *d,
                                          uint64_t *ret_id);
/* Those that are not revoked and end after `after_wall_ns`, oldest first, at most LIMIT_DELEGATIONS. */
MUST_USE enum err store_delegation_list(struct store *s, int64_t after_wall_ns, struct arena *a,
                                        struct store_delegation **ret, size_t *ret_n);
/* ERR_STALE where there is none such, or it was revoked before. */
MUST_USE enum err store_delegation_revoke(struct store *s, uint64_t id, int64_t wall_ns);

/* --- The log's position ---------------------------------------------------------------------- */

/* Where the audit log stood when a change was committed: the last record's number. 0 before the first. */
struct store_position {
    uint64_t seq;
};
MUST_USE enum err store_position_set(struct store *s, struct store_position p);
MUST_USE enum err store_position(struct store *s, struct store_position *ret);

/* The configuration that was in force last: `mark` tells versions apart, 0: none was noted yet. */
struct store_policy {
    uint64_t mark;
    bool judges_changes; /* it asked people about changes of itself */
};
MUST_USE enum err store_policy_set(struct store *s, const struct store_policy *p);
MUST_USE enum err store_policy(struct store *s, struct store_policy *ret);
