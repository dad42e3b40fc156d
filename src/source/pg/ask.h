/*
 * Questions of the gateway's own, asked of the server inside the client's session: its transaction, role
 * and search_path, so that the answer is what holds for the client's next statement.
 *
 *      (nothing on the wire)
 *   NONE --pg_ask--> ASKING ------------- last answer came --------------------> FINISHED --done--> NONE
 *                      |                                                             ^
 *                      +-- time is up, or the client cancelled: done is called ------+ (without done)
 *                          at once; what still comes is swallowed
 *
 *   NONE      s->asking == NULL
 *   ASKING    answers are the question's: swallowed, and rows handed out. The session may go on meanwhile: what
 *             is sent stands behind the question on the wire and is answered after it
 *   FINISHED  answers are the client's again; `done` follows at the end of this turn
 *
 * A question never disturbs what the client has:
 *   - It is a group of extended messages under a name of its own (a random one for each question), written in
 *     one piece. A simple Query would destroy the client's unnamed statement and portal.
 *   - PG_ASK_LOOK stands between BEGIN READ ONLY and ROLLBACK, in the client's transaction between SAVEPOINT and
 *     ROLLBACK TO, RELEASE. The undoing half follows behind a Sync of its own, so that it happens whatever
 *     became of the first. Locks, settings and failures go with it. Both halves are on the wire at once: one
 *     round trip, and no decision left to make when something goes wrong.
 *   - In a failed transaction nothing can be asked (but ROLLBACK, with PG_ASK_BARE); nor in the middle of an extended segment, whose implicit
 *     transaction a Sync would end (but see PG_ASK_PEEK); nor on a replication connection.
 *   - The time limit is the server's own (SET LOCAL statement_timeout). No CancelRequest is sent, because one that
 *     comes late cancels the client's statement. The gateway's own timer stands behind it for a server that does
 *     not answer at all.
 *   - ParameterStatus and NotificationResponse pass to the client. Notices are the question's, and swallowed,
 *     except those of class 57 (the server is going down).
 *   - After a LOOK the transaction status must be what it was: otherwise the session ends.
 *
 * What remains to be seen of it: the server's log and statistics; in a REPEATABLE READ or SERIALIZABLE transaction
 * that has run no query yet, its snapshot is taken at the question.
 *
 * A client's message that cannot be judged before the answer waits so:
 *
 *     switch on pg_may_ask:   no, *ret_wait        BLOCK_ANSWERS, STEP_WAIT: asked when it is looked at again
 *                             no                   it is judged without the answer (unknown: fail closed)
 *                             yes                  pg_ask, pg_wait_for_question, STEP_WAIT
 *     done:                   keep the answer, pg_question_over: the message is looked at again
 */
#pragma once

#include "source/pg/session.h"

struct rule;

enum pg_ask_wrap {
    PG_ASK_LOOK = 1, /* undone afterwards, whatever happened */
    PG_ASK_PEEK,     /* queries of the catalogue that do not fail by their content: as LOOK, but possible in an open
                      * segment too, and then alone. There a failure (somebody cancels the
                      * backend from outside) fails the client's pipeline, which is told so */
    PG_ASK_BARE,     /* no wrapping: what it does stays, and its failure fails the client's transaction; the
                      * transaction status may change. `timeout_ms` is the gateway's timer alone */
};

struct pg_question_part {
    struct str sql;        /* one statement; ASCII, without reliance on the session's settings */
    struct str types;      /* of its parameters: OIDs of 4 bytes, big-endian; may be empty */
    struct str bind_tail;  /* what a Bind message has behind the two names; empty: no parameters */
};

enum pg_ask_result {
    PG_ASK_ANSWERED = 1, /* all of it ran */
    PG_ASK_FAILED,       /* the server reported an error: `why` */
    PG_ASK_TIMED_OUT,    /* no answer in time */
    PG_ASK_TOO_LONG,     /* more rows than LIMIT_PG_ASK_BYTES, or a value that is too long to look at */
    PG_ASK_CANCELLED,    /* the client cancelled what it waits for */
    PG_ASK_ENDED,        /* the session ends: do not touch it */
};

struct pg_asker {
    /* A row of part number `part`. Values are text as the server writes it, NULL where p is NULL; views, valid
     * during the call. Must not call into the session. May be NULL. */
    void (*row)(void *ctx, size_t part, const struct str *values, size_t n);
    /* Exactly once for each pg_ask that returned ERR_OK, never from inside it. Rows may have come before a result
     * other than PG_ASK_ANSWERED: what they say is not to be used then. After PG_ASK_ANSWERED and PG_ASK_FAILED a
     * new question may be asked from here, and pg_question_over called; after PG_ASK_CANCELLED and PG_ASK_ENDED
     * the session is not to be touched. */
    void (*done)(void *ctx, enum pg_ask_result result, struct str why);
};

struct pg_question {
    enum pg_ask_wrap wrap;
    const struct pg_question_part *parts;
    size_t n_parts;
    int64_t timeout_ms;
    const struct pg_asker *asker;
    void *ctx;
};

/* Whether a question can be asked now. False for good in this state, or (*ret_wait) until what is on the wire has
 * been answered: the asker lets its message wait with BLOCK_ANSWERS and asks when it is looked at again. */
bool pg_may_ask(const struct source_session *s, enum pg_ask_wrap wrap, bool *ret_wait);

/* Asks. The question is copied. ERR_BAD_STATE: pg_may_ask says no; ERR_LIMIT: it is too long; ERR_CLOSED: the
 * session ended while it was written. No `done` follows an error. */
MUST_USE enum err pg_ask(struct source_session *s, const struct pg_question *q);

/* The client gave up: `done` (PG_ASK_CANCELLED) before it returns. Nothing where no question is open. */
void pg_ask_cancel(struct source_session *s);

/* A Bind's tail for n text values (p == NULL: NULL), with text results. ERR_LIMIT: more than 65535. */
MUST_USE enum err pg_ask_parameters(struct buf *out, const struct str *values, size_t n);

/* --- For server.c and session.c ----------------------------------------------------------------- */

bool pg_is_asking(const struct source_session *s); /* the server's next message is the question's */
const struct rule *pg_ask_rule(char type);
void pg_ask_deliver(struct source_session *s);
void pg_ask_drop(struct source_session *s); /* the session ends */
