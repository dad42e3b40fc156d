/*
 * One client's session with its one upstream session. Internal to source/pg.
 *
 *   STARTUP --startup packet--> CONNECTING --> AUTH --AuthenticationOk--> STARTING --ReadyForQuery--> READY
 *      |  ^                         |            |                           |                     |
 *      |  +--SSLRequest, TLS--+     |            |                           |                 Terminate
 *      |                            |            |                           |                     v
 *      +-------------------- end of either side, error --------------> CLOSED <----------- TERMINATING
 *
 * With `login: gateway` LOGIN comes between STARTUP and CONNECTING: the client proves to the gateway who
 * it is; in AUTH the gateway itself answers the database (gateway_login.c).
 *
 * In READY the client's stream of messages has a flow and may be blocked:
 *
 *   FLOW_NORMAL   every message is understood; Query, Execute, FunctionCall are judged
 *   FLOW_COPY_IN  the server takes COPY data; Sync and Flush mean nothing to it
 *   FLOW_COPY_BOTH  replication stream
 *   FLOW_SKIP     the server ignores everything until Sync, so nothing is forwarded until then
 *
 *   BLOCK_NONE    messages are taken as they come
 *   BLOCK_ANSWERS the next message cannot be judged before what is on the wire has been answered
 *   BLOCK_HELD    the message at in[scanned] waits for people; deferred ones stand before it
 *   BLOCK_COMMIT  a transaction whose COMMIT is to be held begins, runs or ends (commit.h)
 *   BLOCK_ASKS    the message at in[scanned] waits for the answer to a question of the gateway's own (ask.h)
 *
 * Facts that hold (pg_session_check asserts them):
 *   - `in` begins with `scanned` bytes of deferred messages, as many as ring entries are unsent
 *   - hold != NULL if and only if block == BLOCK_HELD
 *   - nothing of in[0 .. scanned + held_len) has been forwarded while block is BLOCK_HELD or BLOCK_ASKS
 */
#pragma once

#include "source/pg/pg.h"
#include "base/digest.h"
#include "source/pg/commit.h"
#include "source/pg/ring.h"
#include "source/pg/startup.h"
#include "source/pg/upstream.h"
#include "source/pg/wall.h"


enum pg_phase {
    PHASE_STARTUP = 1,
    PHASE_LOGIN,
    PHASE_CONNECTING,
    PHASE_AUTH,
    PHASE_STARTING,
    PHASE_READY,
    PHASE_TERMINATING,
    PHASE_CLOSED,
};
enum pg_flow { FLOW_NORMAL, FLOW_COPY_IN, FLOW_COPY_BOTH, FLOW_SKIP, FLOW_COUNT_ };
enum pg_block { BLOCK_NONE, BLOCK_ANSWERS, BLOCK_HELD, BLOCK_ASKS, BLOCK_COMMIT };

enum { PG_KEY_BUCKETS = 1024 };

/* Everything of one resource in one worker. */
struct source_state {
    struct loop *loop;
    const struct gate_port *gate;
    const struct resource *resource;
    struct tls_context *server_tls, *client_tls; /* towards clients; towards the upstream */
    struct sql_cache *texts;
    struct pg_catalog *catalog;
    struct source_session *sessions; /* list by prev, next */
    size_t n_sessions;
    uint64_t next_session;
    bool watched, holds_commits, draining;
    struct source_session *keys[PG_KEY_BUCKETS]; /* by cancel secret, chained by key_next */
    struct pg_pool pool;
    struct arena scratch; /* of one message; reset when the next is judged */
    char id_prefix[12];
};

/* What is being judged, until it is released or refused. */
struct pg_judged {
    const char *operation;    /* "query", "execute", "bind", "function_call" */
    struct sql_cached *text;     /* reference; facts resolved */
    struct pg_portal *portal; /* reference; NULL for query, function_call */
    struct str call;          /* function_call: copy of the message's body */
    bool approved;            /* people let it pass */
};

/* A setting that the server does not report, as the session set it; `now` is empty where it did not. */
struct pg_note {
    struct buf now, before;
    bool open;     /* set in a transaction that has not ended */
    bool is_local; /* by SET LOCAL: it goes with the transaction */
    bool merged;   /* something failed or was rolled back since: `now` says both */
};

/* What the requester stated with SET countersign.reason or .ticket. It is their word and changes nothing
 * that a text does, so it holds from when it was sent; LOCAL, until the transaction ends. */
struct pg_stated {
    struct buf session, transaction;
    bool local; /* `transaction` is in force */
};

struct source_session {
    struct source_state *st;
    struct source_session *prev, *next, *key_next;
    struct stream *client, *server;
    struct pg_upstream *connecting;
    struct timer *timer;
    enum pg_phase phase;
    enum pg_flow flow;
    enum pg_block block;
    bool asked_ssl, asked_gss, cb_hidden, sasl_started, opened, draining, fatal_seen;
    bool identify_later; /* people were reloaded while a hold showed the old ones */

    struct arena arena; /* lives as long as the session: startup parameters and names */
    struct pg_first first;
    struct subject subject;
    struct session_context context;
    uint32_t backend_pid, backend_secret, secret;

    struct buf in;      /* from the client, not yet forwarded or dropped */
    size_t scanned;
    size_t client_skip; /* rest of a CopyData body: passed on, or dropped in FLOW_SKIP */
    bool client_skip_drops;

    struct buf from_server; /* a partial header or partial inspected message */
    size_t server_skip;     /* rest of a message that is passed on unread */
    bool server_skip_drops;
    bool in_server_pump;
    struct buf to_client;   /* the gateway's own messages, waiting for a message boundary */

    struct pg_ring ring;
    struct pg_names names;
    char tx;              /* transaction status of the last ReadyForQuery */
    bool tx_open;         /* as tx, or as it will be when what is on the wire is answered */
    bool segment_open;    /* extended messages on the wire since the last Sync or Query */
    uint32_t sync_credit; /* Syncs that the server may or may not have seen during COPY */

    enum sql_known standard_conforming_strings;
    struct str encoding;    /* in encoding_room */
    /* The server reports both only with ReadyForQuery, and a rollback can bring back what they were: after a
     * statement that may change them they are unknown until the server is idle outside a transaction. */
    bool strings_in_doubt, encoding_in_doubt;
    char encoding_room[32];
    char application_room[64];
    bool catalog_first;
    /* What names mean here (catalog.h): under which number the worker remembers it (0: not known), of which age of
     * its memory; counted up when it may mean something else. */
    uint64_t names_context, names_age, names_moved;
    bool names_own;         /* it sees what others do not: temporary objects, changes of its own */
    bool names_change_open; /* a change of the catalogue whose transaction has not ended */
    bool names_failed;      /* the question for the message at hand was not answered */
    unsigned names_rounds;  /* questions for it so far */
    struct pg_note search_path, role;
    struct pg_stated reason, ticket;

    struct pg_wall wall;
    struct pg_commit commit;
    struct pg_asking *asking; /* a question of the gateway's own, see ask.h; NULL where there is none */

    struct pg_estimate *estimate; /* of what is being judged, where it was asked for; or NULL */
    struct pg_impact *impact;     /* of what is held, while it is asked for; or NULL */
    bool queried;         /* this transaction has run what takes a snapshot */
    struct pg_login *login; /* `login: gateway`; else NULL */

    struct hold *hold;
    struct action action; /* of the hold, or of the message being judged */
    struct pg_judged judged;
    size_t held_len;      /* of the message held or asked about; 0 where it is only the deferred ones */

    /* Of the run that is being answered. */
    char tag_room[64], error_code[8], error_room[256];
    size_t tag_n, error_n;
    bool failed;
};

/* --- session.c: life ------------------------------------------------------------------------- */

void pg_session_accept(struct source_state *st, int fd);
/* Tells the client (FATAL) and closes both sides. */
void pg_session_fatal(struct source_session *s, const char *sqlstate, struct str message, struct str detail,
                      struct str hint);
/* Ends the session of somebody who is disabled in the configuration. */
void pg_session_disabled(struct source_session *s);
/* Closes both sides; frees in a later turn. */
void pg_session_close(struct source_session *s, struct str reason);
void pg_session_check(const struct source_session *s);
/* Ends it if it is idle; otherwise when it next is. */
void pg_session_drain(struct source_session *s);
/* A client message while the session is being set up: passwords. */
void pg_session_auth_message(struct source_session *s, char type, struct str body);

/* Who the client is is settled: judges its settings and connects to the database. */
void pg_session_proceed(struct source_session *s);

/* --- gateway_login.c: `login: gateway` -------------------------------------------------------- */

/* Asks the client who it is; pg_session_proceed follows. */
void pg_login_begin(struct source_session *s);
/* What the client says meanwhile; in s->in already. */
void pg_login_bytes(struct source_session *s);
/* The account in the database. */
struct str pg_login_account(const struct source_session *s);
/* The start-up packet for the database: whose account, and what it is told of the person. */
MUST_USE enum err pg_login_startup(struct source_session *s, struct buf *out);
void pg_login_answer(struct source_session *s, const struct login_answer *a);
void pg_login_done(struct source_session *s);

/* --- pump.c, client.c, ahead.c: messages from the client -------------------------------------- */

void pg_client_bytes(struct source_session *s, struct str bytes);
/* The statement of that name as the next message will find it; NULL where the gateway knows none.
 * *ret_wait: it depends on messages of an earlier segment that are not answered yet. */
struct pg_statement *pg_find_statement(const struct source_session *s, struct str name, bool *ret_wait);
struct pg_portal *pg_find_portal(const struct source_session *s, struct str name, bool *ret_wait);
/* Goes on with what is waiting in `in`. */
void pg_client_resume(struct source_session *s);
/* What was deferred will never be sent; runs among it are reported as such. */
void pg_drop_unsent(struct source_session *s);
/* What is being judged joins the ring (unsent), with what its success will change. */
MUST_USE enum err pg_push_judged(struct source_session *s, uint64_t run);
/* Planning it was let through; the run's outcome is the Bind's. */
void pg_bind_judged(struct source_session *s, struct pg_portal *p, uint64_t run);
/* The waiting message (s->judged) leaves with what was deferred before it, and what stands behind it is looked at. */
void pg_send_waiting(struct source_session *s, uint64_t run);
/* Writes to the server; closes the session where that fails. False then. */
bool pg_to_server(struct source_session *s, struct str bytes);
/* A Sync, Query or FunctionCall was sent: the implicit transaction of extended messages ends with it. */
void pg_segment_ended(struct source_session *s);
/* The same with what the wall has to say before and after these messages. */
bool pg_to_server_walled(struct source_session *s, struct str group);

/* --- server.c: messages from the server ------------------------------------------------------- */

void pg_server_bytes(struct source_session *s, struct str bytes);
/* Bytes for the client past what is withheld. */
bool pg_write_client(struct source_session *s, struct str bytes);
/* The SQLSTATE of an error report, into s->error_code. */
void pg_keep_code(struct source_session *s, struct str body);
/* The gateway's own message to the client, now or at the next message boundary. */
void pg_to_client(struct source_session *s, struct str bytes);

/* --- judge.c: the gate ------------------------------------------------------------------------ */

/* RULING_COMMIT: it may run in a transaction, whose COMMIT is held; commit.offered has the terms. */
enum pg_ruling { RULING_ALLOW = 1, RULING_HELD, RULING_REFUSED, RULING_BROKEN, RULING_ASKS, RULING_LATER, RULING_COMMIT };
/* EXECUTE and FETCH in s->judged get the facts of what they run. */
MUST_USE enum err pg_resolve_names(struct source_session *s);
/* Asks the gate about s->judged, whose names are resolved. RULING_ALLOW: *ret_run. RULING_HELD: s->hold is set and the block
 * is on. RULING_REFUSED: *report has the ErrorResponse. RULING_BROKEN: the session was ended. RULING_ASKS: it depends on
 * an answer of the server, the block is on and the message is looked at again. RULING_LATER: the server can be asked
 * once it has answered what is on the wire. */
enum pg_ruling pg_judge(struct source_session *s, size_t message_len, uint64_t *ret_run, struct buf *report);
void pg_judged_done(struct pg_judged *j);
/* s->action is what s->judged says. */
void pg_set_action(struct source_session *s);
/* Text, parameters and names of s->judged: members of an object that is open. */
void pg_put_statement(struct json *j, const struct source_session *s);
/* The member "session". */
void pg_put_session(struct json *j, const struct source_session *s);
MUST_USE enum err pg_put_refusal(struct buf *out, const struct refusal *r);
/* The wall does not let s->judged pass, for that reason: recorded, *report has the ErrorResponse. False: the session
 * was ended. */
bool pg_walled(struct source_session *s, const char *why, struct buf *report);
/* Answers a refused message: our report in place of its result, the server's transaction failed as
 * an error would have failed it. `extended`: it was an Execute. */
void pg_answer_refused(struct source_session *s, bool extended, struct str report);
/* The held message and its deferred ones are dropped and answered with the report. */
void pg_held_refuse(struct source_session *s, struct str report);
/* Forgets the hold; the gate is told. gone: the connection ended. */
void pg_held_withdraw(struct source_session *s, struct str reason, bool gone);
/* Ctrl-C while a message is held or waits for the answer to a question: it is answered, nothing was run. */
void pg_waiting_cancel(struct source_session *s);
/* The message at hand, of that length (0: only what is deferred before it), waits for a question's answer. */
void pg_wait_for_question(struct source_session *s, size_t message_len);
/* The answer is there, or will not come: the message is looked at again. */
void pg_question_over(struct source_session *s);


/* The facts of running what the session has under a name that the gateway does not know. */
void pg_assume_worst(struct sql_facts *f);
enum err pg_describe(struct source_session *s, const struct action *a, struct buf *out);
enum err pg_shape(struct source_session *s, const struct action *a, struct arena *arena, struct buf *out,
                  struct str *ret_text);
void pg_notice(struct source_session *s, struct hold *h, const struct hold_notice *n);
void pg_release(struct source_session *s, struct hold *h, uint64_t run);
void pg_refuse(struct source_session *s, struct hold *h, const struct refusal *r);

/* --- notes.c: settings that change what a text means ------------------------------------------- */

/* A statement with these facts is sent. ERR_LIMIT: a value is too long to be shown; ERR_NOMEM. */
MUST_USE enum err pg_note_settings(struct source_session *s, const struct sql_facts *f);
/* Fills context.reason and .ticket: those of the session, or what this text itself states. */
void pg_put_stated(struct source_session *s, const struct sql_facts *f);
/* A failure or a rollback: settings of this transaction may be what they were. */
void pg_note_undone(struct source_session *s);
/* The server is outside a transaction. */
void pg_note_idle(struct source_session *s);
/* How the server will read the next text, as far as that is known. */
struct sql_settings pg_reading(const struct source_session *s);

/* --- cancel.c: CancelRequest ------------------------------------------------------------------ */

MUST_USE enum err pg_key_issue(struct source_session *s); /* fills s->secret */
void pg_key_drop(struct source_session *s);
/* Cancels here or asks the other workers. */
void pg_cancel(struct source_state *st, uint32_t pid, uint32_t secret);
void pg_cancel_from_peer(struct source_state *st, struct str bytes);
