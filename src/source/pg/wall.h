/*
 * The wall behind the judgement (`walls: [read_only]` on a resource): what is known to be only a read runs where
 * the server itself forbids writing.
 *
 * The session is started with default_transaction_read_only = on, so at rest, and for reads outside a transaction
 * block, nothing has to be sent at all. Around other messages the gateway writes statements of its own, in one piece
 * with the client's, and swallows their answers (docs/decisions has the alternatives and what they cost):
 *
 *   outside a block   a write        SET default_transaction_read_only = off  stands before it; once all is
 *                                    answered and the session idle, SET … = on. No read leaves before that is
 *                                    answered
 *                     BEGIN          SET TRANSACTION READ WRITE  stands behind it, unless it says READ ONLY
 *   in a block        a read         SAVEPOINT, SET TRANSACTION READ ONLY  stand before the first of a row of reads
 *                     a write        RELEASE  of that stands before the first of a row of writes
 *
 *   OUTSIDE --BEGIN--> OPEN <--release / guard--> GUARDED;  BEGIN READ ONLY --> READ_ONLY;  all --end--> OUTSIDE
 *
 *   OUTSIDE    implicit transactions begin read-only, unless `lifted`
 *   OPEN       the block may be read-write: nothing protects it
 *   GUARDED    a read-only subtransaction of the gateway's is the innermost one; the server refuses to leave that
 *              state other than by ending it
 *   READ_ONLY  the block is read-only for certain, to its end
 *
 * OPEN is where every doubt leads: reads are guarded there, and a guard too many harms nothing. The statuses that the
 * server reports correct the prediction when all is answered.
 */
#pragma once

#include "base/buf.h"
#include "model/sql_facts.h"

struct source_session;
struct rule;

enum pg_wall_block { WALL_OUTSIDE, WALL_OPEN, WALL_GUARDED, WALL_READ_ONLY };
/* An implicit transaction of extended messages, up to Sync. CLOSED: it has written and now is read-only. */
enum pg_wall_segment { WALL_SEGMENT_READ, WALL_SEGMENT_WRITE, WALL_SEGMENT_CLOSED };

struct pg_wall {
    bool on;               /* the resource has it, and the server has reported the setting as on */
    bool lifted;           /* default_transaction_read_only is, or may be, off */
    bool restoring;        /* … and the statement that sets it on is on the wire, with none behind it that lifts */
    bool client_read_only; /* the client wants a read-only session itself: nothing is lifted */
    bool savepoints;       /* the block has savepoints of the client's */
    uint8_t attempts;      /* at restoring, without success */
    enum pg_wall_block block;
    enum pg_wall_segment segment; /* means something while s->segment_open */
    struct buf before, after;     /* to be written around the message that is sent next */
};

void pg_wall_init(struct pg_wall *w);
void pg_wall_done(struct pg_wall *w);

/* The facts of the start-up parameters: false where they would switch the read-only state off. */
bool pg_wall_startup(struct source_session *s, const struct sql_facts *f);

/* Why a message with these facts may not pass, for the client; NULL where it may. */
const char *pg_wall_refuses(const struct source_session *s, const struct sql_facts *f);
/* It cannot be sent before what is on the wire has been answered. `simple`: Query or FunctionCall. */
bool pg_wall_must_wait(struct source_session *s, const struct sql_facts *f, bool simple);
/* It is sent next: fills `before`, with its entries in the ring before what is deferred. */
MUST_USE enum err pg_wall_before(struct source_session *s, const struct sql_facts *f, bool simple);
/* Its entry is in the ring: fills `after`. */
MUST_USE enum err pg_wall_after(struct source_session *s, const struct sql_facts *f, bool simple);

/* One statement of the gateway's own before what is sent next, in a transaction of its own, whatever becomes of it. */
MUST_USE enum err pg_own_before(struct source_session *s, const char *sql);
/* The transaction status of a ReadyForQuery; all of what was sent has been answered. */
void pg_wall_status(struct source_session *s, char status);
/* Sends the restoring statement where it is due. False: the session is gone. */
bool pg_wall_restore(struct source_session *s);
/* How the server's messages are taken while the ring's head is one of the wall's own statements. */
const struct rule *pg_wall_rule(char type);
