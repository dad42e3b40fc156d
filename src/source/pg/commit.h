/*
 * `hold_at: commit`: statements run in a transaction, and what people decide about is its COMMIT, with what it really
 * changed.
 *
 *   a message outside a transaction block, or the extended messages up to Sync: the gateway's own transaction
 *
 *     NONE --judged--> BEGINS --BEGIN--> OPEN --answered--> COUNTS --> HELD --approved--> COMMITS --> NONE
 *                         |                | failed            |          | refused, cancelled
 *                         +----------------+-------------------+----------+--> UNDOES --ROLLBACK--> NONE
 *
 *   a statement in the client's own block runs and is answered; its COMMIT (or PREPARE TRANSACTION) is held:
 *
 *     NONE (terms) --COMMIT--> COUNTS --> HELD --approved--> NONE, and the client's COMMIT goes
 *                                           +--refused--> UNDOES
 *
 *   OPEN      what the server answers is withheld; a Flush of the client's lets it go
 *   COUNTS    deferred constraints are checked, the idle time-out of the transaction is switched off, and the server's
 *             own counters are read
 *   HELD      block == BLOCK_HELD; nothing is on the wire
 *
 * Whatever is in doubt ends in UNDOES, and where that fails, in the end of the session: the server rolls back then.
 */
#pragma once

#include "base/buf.h"
#include "model/sql_facts.h"

struct source_session;
struct message;
struct hold;
struct commit_terms;
struct refusal;
struct action;
struct sql_cached;

enum pg_commit_stage {
    COMMIT_NONE,
    COMMIT_BEGINS,
    COMMIT_OPEN,
    COMMIT_COUNTS,
    COMMIT_HELD,
    COMMIT_COMMITS,
    COMMIT_UNDOES,
};

struct pg_commit {
    enum pg_commit_stage stage;
    struct commit_terms *terms;   /* of all that ran; NULL: nothing waits for a COMMIT */
    struct commit_terms *offered; /* of what was judged last */
    bool own;        /* the transaction is the gateway's */
    bool extended;   /* the message that waits is one */
    bool answered;   /* OPEN: the ReadyForQuery of what ran has come */
    bool overflown;  /* more was answered than is kept back */
    bool through;    /* OPEN: the client has asked for what there is; nothing is withheld any more */
    bool flushed_stats;
    bool again;      /* what waits is looked at again; otherwise it was judged, and goes or is dropped */
    bool waits;      /* a message waits */
    struct buf withheld;
    struct buf report;     /* UNDOES: the client is told this; empty: what was withheld */
    struct buf texts, statements, results, changed; /* for people; the last three are elements of JSON lists */
    size_t n_tables;
    int64_t rows;
    struct sql_cached *first; /* the first statement: its facts stand for all in explanations */
    uint64_t run;
    int64_t started_ns;
};

void pg_commit_init(struct pg_commit *c);
void pg_commit_done(struct source_session *s);

/* Whether s->judged can run now and be undone as a whole. */
bool pg_commit_possible(const struct source_session *s);
/* A message with these facts ends the transaction whose COMMIT is to be held, or could. */
bool pg_commit_due(const struct source_session *s, const struct sql_facts *f);
/* It controls the transaction, or could, where that is the gateway's. */
bool pg_commit_disturbed(const struct source_session *s, const struct sql_facts *f);
/* The message ends the gateway's transaction: Sync, and what comes in its place. */
bool pg_commit_ends(const struct source_session *s);

/* s->judged is to run under commit.offered. ERR_LIMIT: too much to be shown. *ret_now: it is sent now, as if it were
 * allowed; else the message waits (BLOCK_COMMIT). */
MUST_USE enum err pg_commit_take(struct source_session *s, size_t message_len, bool *ret_now);
/* The message waits for the decision about the COMMIT: it is one (s->judged), or ends the gateway's transaction. */
void pg_commit_leave(struct source_session *s, size_t message_len, bool judged);
/* Does what is due next, where the server has answered all. */
void pg_commit_go(struct source_session *s);

/* --- For server.c ------------------------------------------------------------------------------------ */

/* Keeps back bytes for the client. False: they are to be written. */
bool pg_commit_withholds(struct source_session *s, struct str bytes);
/* A Flush of the client's: what is withheld goes. False: the session is gone. */
bool pg_commit_flush(struct source_session *s);
/* A ReadyForQuery with that status, all having been answered. True: it is not for the client. */
bool pg_commit_ready(struct source_session *s, char status);
/* A statement has succeeded. */
void pg_commit_result(struct source_session *s, struct str tag);

/* --- For judge.c ------------------------------------------------------------------------------------- */

MUST_USE enum err pg_commit_describe(struct source_session *s, struct buf *out);
/* The hold was approved: commits, or (false) the message itself is to be released now. */
bool pg_commit_release(struct source_session *s, uint64_t run);
/* The hold ended otherwise: rolls back, and then says so. */
void pg_commit_refuse(struct source_session *s, struct str report);
