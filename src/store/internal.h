/*
 * What the files of store/ share: the database, its prepared statements, and a way to run one.
 * Nobody else includes this.
 */
#pragma once

#include "store/store.h"

#include <sqlite3.h>

/* Every statement of the store, prepared once when it is opened (sqlite.c has their text). */
enum statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_REQUEST_INSERT,
    ST_REQUIREMENT_INSERT,
    ST_REQUIREMENT_ASK,
    ST_REQUEST_MOVE,
    ST_REQUEST_HOLDER,
    ST_REQUEST_GET,
    ST_REQUEST_LIST,
    ST_REQUEST_LIST_OPEN,
    ST_REQUIREMENTS_OF,
    ST_VOTES_OF,
    ST_VOTE_INSERT,
    ST_VOTE_RETRACT,
    ST_IMPACT_SET,
    ST_IMPACT_GET,
    ST_IMPACT_HISTORY,
    ST_GRANT_INSERT,
    ST_GRANT_USE,
    ST_TOKEN_INSERT,
    ST_TOKEN_LIST,
    ST_TOKEN_BY_ID,
    ST_TOKEN_BY_HASH,
    ST_TOKEN_REVOKE,
    ST_TOKEN_KEYS_INSERT,
    ST_TOKENS_WITH_KEYS,
    ST_UNTOLD_INSERT,
    ST_UNTOLD_FIND,
    ST_UNTOLD_REMOVE,
    ST_TERMS_INSERT,
    ST_TERMS_GET,
    ST_CHOICE_SET,
    ST_CHOICE_GET,
    ST_STANDING_INSERT,
    ST_STANDING_GET,
    ST_STANDING_OF,
    ST_STANDING_LIST,
    ST_STANDING_REVOKE,
    ST_STANDING_USE,
    ST_USE_INSERT,
    ST_USE_RESERVED,
    ST_USE_GRANTS_OF,
    ST_USE_WAITING,
    ST_USE_TAKE,
    ST_BYPASS_SET,
    ST_BYPASS_GET,
    ST_TOTP_SET,
    ST_TOTP_GET,
    ST_TOTP_USE,
    ST_SEALED_INSERT,
    ST_SEALED_FIND,
    ST_SEALED_USE,
    ST_TRIES_GET,
    ST_TRIES_SET,
    ST_REVIEW_INSERT,
    ST_REVIEW_GET,
    ST_REVIEW_LIST,
    ST_REVIEW_OVERDUE,
    ST_REVIEW_CLOSE,
    ST_DELEGATION_INSERT,
    ST_DELEGATION_LIST,
    ST_DELEGATION_REVOKE,
    ST_VOTE_TIMES,
    ST_META_SET,
    ST_META_GET,
    ST_COUNT_
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[ST_COUNT_];
    int lock_fd;
    bool in_transaction;
    char error[256];
};

MUST_USE enum err store_migrate(sqlite3 *db);

/* Keeps the database's message and gives the error for its code. */
enum err store_failed(struct store *s, int code);

/*
 * One run of a statement: bind in order, step, read columns in order, done.
 *
 *   struct run q CLEANUP(run_done) = run_start(s, ST_X);
 *   bind_u64(&q, id);
 *   TRY(run_row(&q));            ERR_NOT_FOUND where there is none
 *   v = column_u64(&q);
 *
 * The first error sticks and is what run_row and run_only return.
 */
struct run {
    struct store *s;
    sqlite3_stmt *st;
    struct arena *arena; /* where column_str copies to */
    int bound, column;
    enum err err;
};
struct run run_start(struct store *s, enum statement which);
/* As run_start, but ERR_BAD_STATE sticks outside a transaction. */
struct run run_start_change(struct store *s, enum statement which);
void run_done(struct run *q);

void bind_u64(struct run *q, uint64_t v);
void bind_i64(struct run *q, int64_t v);
void bind_text(struct run *q, struct str v);
void bind_bytes(struct run *q, struct str v);
void bind_digest(struct run *q, const struct digest *d);

MUST_USE enum err run_row(struct run *q);  /* ERR_OK: a row; ERR_NOT_FOUND: no more */
MUST_USE enum err run_only(struct run *q); /* for statements that give no row */
int run_changes(const struct run *q);      /* rows that the statement changed */

uint64_t column_u64(struct run *q);
int64_t column_i64(struct run *q);
void column_str(struct run *q, struct str *ret);
void column_digest(struct run *q, struct digest *ret);

/* grants.c: how it was released. */
MUST_USE enum err store_bypass_read(struct store *s, struct request *r);
/* votes.c: the votes of one request. */
MUST_USE enum err store_votes_read(struct store *s, struct arena *a, struct request *r);
