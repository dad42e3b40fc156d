/*
 * What the files of gate/ share. Nobody else includes this.
 *
 *   gate.c     the ports: what sources call; the verdict
 *   life.c     the life of one hold: the table of states and events
 *   holds.c    where holds are kept: by number, in order
 *   commit.c   what statements that ran need for their COMMIT
 *   uplink.c   the link: frames, HELLO, what may come when, what is kept while it is down
 *   logins.c   questions about logins, on their way to the broker and back
 *   configure.c  which configuration is in force
 *   words.c    what is written for people and for the log
 */
#pragma once

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "gate/gate.h"
#include "link/link.h"
#include "model/envelope.h"
#include "model/lazy_facts.h"
#include "net/stream.h"
#include "policy/recorded.h"

/* --- Holds ----------------------------------------------------------------------------------- */

enum hold_state {
    HOLD_SENT = 1,
    HOLD_WAITING,
    HOLD_CLAIMING,
    HOLD_RELEASED,
    HOLD_STATE_COUNT_
};

enum hold_event_kind {
    /* from the broker */
    HOLD_ON_SUBMITTED,
    HOLD_ON_APPROVED,
    HOLD_ON_CLAIMED,
    HOLD_ON_ENDED,
    /* from the source */
    HOLD_ON_WITHDRAWN,
    HOLD_ON_RAN,
    /* our own */
    HOLD_ON_LINK_LOST,   /* the broker is gone and may come back */
    HOLD_ON_LINK_BROKEN, /* it said what it may not say: nothing it says counts */
    HOLD_ON_GRACE_OVER,
    HOLD_ON_OVERDUE,
    HOLD_EVENT_COUNT_
};

struct hold_event {
    enum hold_event_kind kind;
    const struct link_message *message; /* from the broker */
    struct str reason;                  /* WITHDRAWN */
    bool gone;                          /* WITHDRAWN */
    const struct outcome *outcome;      /* RAN */
};

struct hold {
    struct hold *next, *prev; /* in one of the gate's two lists */
    struct hold *chain;       /* in the table by number */
    uint64_t number;          /* ours, never used again */
    uint64_t request;         /* the broker's; 0 until SUBMITTED */
    enum hold_state state;
    struct door *door;
    struct source_session *owner; /* NULL from release on */
    struct action action;         /* what it points to is the source's until the end */
    struct digest digest;         /* of what was submitted and is shown */
    struct config *config;        /* under which it was judged */
    struct config *resource_config; /* that action.resource is in */
    int64_t due_ms;               /* the broker's answer or decision must be there by then */
    int64_t notice_ms;            /* the client is told again */
    int64_t decide_by_ms;
    struct arena text;            /* what follows, and refusals */
    struct str message, approvers;
    struct buf again; /* the SUBMIT, where the broker may ask for it again; else empty */
};

struct hold_list {
    struct hold *head, *tail;
    size_t n;
};

struct hold_table {
    struct hold **bucket;
    size_t n, size; /* size is a power of two */
};

MUST_USE enum err hold_table_add(struct hold_table *t, struct hold *h);
struct hold *hold_table_find(const struct hold_table *t, uint64_t number);
void hold_table_remove(struct hold_table *t, const struct hold *h);
void hold_table_done(struct hold_table *t);
void hold_list_append(struct hold_list *l, struct hold *h);
void hold_list_remove(struct hold_list *l, struct hold *h);

/* --- The gate -------------------------------------------------------------------------------- */

/* One resource's way in. */
struct door {
    struct gate_port port; /* port.gate is the door */
    struct gate *gate;
    const struct source *source;
    const struct resource *resource; /* in `config` */
    struct config *config;           /* of the resource: the one in force, or the last that had it */
    bool watches;
    struct door *next;
};

/* The outcome of a run that could not be sent yet. */
struct kept_result {
    struct kept_result *next;
    uint64_t request;
    size_t n;
    char frame[];
};

/* A login that the broker was asked about. */
struct login_wait {
    struct login_wait *next;
    uint64_t number;
    const struct source *source;
    struct source_session *owner;
};

struct uplink {
    struct stream *stream; /* NULL: there is none */
    bool failed;           /* a write failed; the end follows from the loop */
    int64_t lost_ms;       /* when it was lost */
    struct buf in, out;
    struct timer *flush;
    bool flushing; /* the timer runs */
    struct kept_result *kept, **kept_end;
    size_t n_kept;
    bool log_broken; /* as the broker said last */
};

struct gate {
    struct loop *loop;
    struct gate_options options;
    struct config *config; /* NULL before the first */
    struct policy_eval *eval;
    struct arena arena;    /* of one call of a source */
    struct buf describe, envelope, explanation, context;
    struct door *doors;
    struct hold_table table; /* every hold that has not ended, released ones too */
    struct hold_list waiting, released;
    uint64_t last_number;
    struct login_wait *logins;
    uint64_t last_login;
    struct timer *tick; /* runs while anything waits */
    bool ticking;
    struct uplink up;
    struct gate_counts counts;
};

/* --- gate.c ---------------------------------------------------------------------------------- */

/* What happens, and what is decided of it. */
struct judged {
    struct door *door;
    struct source_session *owner;
    const struct action *a;
    const struct decision *d;
};

/* Opens the hold, or refuses: VERDICT_HOLD or VERDICT_DENY. */
enum verdict gate_hold(struct gate *g, const struct judged *x, struct submission *ret);

/* --- commit.c -------------------------------------------------------------------------------- */

/* What the COMMIT of a statement with this decision needs: a copy. The policy's names stay valid with it. */
MUST_USE enum err commit_terms_new(struct gate *g, const struct decision *d, struct commit_terms **ret);
void commit_terms_free(struct commit_terms *t); /* NULL is nothing */
/* Both at once: the same people asked for twice are asked once, for the larger count. ERR_LIMIT: more
 * than one request can ask. `from` is gone in any case. */
MUST_USE enum err commit_terms_join(struct commit_terms *into, struct commit_terms *from);
/* Valid as long as the terms. */
const struct decision *commit_terms_decision(const struct commit_terms *t);

/* --- life.c ---------------------------------------------------------------------------------- */

/* Lets the event happen to the hold, which may be gone after. ERR_PROTOCOL: not in this state. */
MUST_USE enum err hold_happens(struct gate *g, struct hold *h, const struct hold_event *e);
/* The same event for every hold that waits. */
void hold_happens_to_all(struct gate *g, enum hold_event_kind kind);
/* The frame of h's SUBMIT is kept for END_AGAIN. */
MUST_USE enum err hold_keep_submit(struct hold *h, const struct link_message *m);
/* Takes over an action whose SUBMIT was sent under `number`. */
MUST_USE enum err hold_begin(struct gate *g, struct door *door, struct source_session *owner,
                             const struct action *a, const struct decision *d,
                             const struct digest *digest, struct hold **ret);
/* The envelope of an action, into g->envelope. */
MUST_USE enum err write_envelope(struct gate *g, const struct source *source,
                                 struct source_session *owner, const struct action *a,
                                 struct digest *ret);
void hold_free(struct gate *g, struct hold *h);
void gate_tick(void *gate);

/* --- uplink.c -------------------------------------------------------------------------------- */

MUST_USE enum err uplink_init(struct gate *g);
void uplink_done(struct gate *g);
bool uplink_is_up(const struct gate *g);
/* As uplink_send, of a frame that was encoded before. */
MUST_USE enum err uplink_send_frame(struct gate *g, struct str frame);
/* Sends at once, behind what waits to be flushed. ERR_CLOSED: there is no link; ERR_LIMIT: the
 * message is too long, or too much is unsent; nothing was sent. */
MUST_USE enum err uplink_send(struct gate *g, const struct link_message *m);
/* Sends within RECORD_DELAY_MS, together with others; kept while there is no link, until
 * LIMIT_LINK_KEPT: ERR_LIMIT. */
MUST_USE enum err uplink_send_soon(struct gate *g, const struct link_message *m);
/* RESULT: sends, or keeps until there is a link. */
void uplink_result(struct gate *g, const struct link_result *r);

/* --- logins.c -------------------------------------------------------------------------------- */

enum err logins_ask(struct gate *g, const struct source *source, struct source_session *owner,
                    const struct login_ask *ask, uint64_t *ret_number);
void logins_forget(struct gate *g, uint64_t number);
MUST_USE enum err logins_answer(struct gate *g, const struct link_message *m);
/* The link is gone and the questions with it. */
void logins_lost(struct gate *g);

/* --- configure.c ----------------------------------------------------------------------------- */

/* Loads, puts in force where it is good, and answers LOADED. */
void gate_configure(struct gate *g, const struct link_config *c);
/* What the configuration in force says about the door's resource. */
void door_judge(struct door *door);

/* --- words.c --------------------------------------------------------------------------------- */

struct refusal words_denied(struct arena *a, const struct action *action, const struct decision *d,
                            struct str policy_version);
/* What the requester must state and how (`how`: source.how_to_state, may be NULL). */
struct refusal words_lacking(struct arena *a, const struct action *action, const struct decision *d,
                             struct str (*how)(struct str what));
struct refusal words_unavailable(struct str why);
/* For what the broker ended. */
struct refusal words_ended(struct hold *h, const struct link_ended *e);
/* For what ended here. */
struct refusal words_refused(struct hold *h, enum refusal_kind kind, struct str why);
/* {"address":…,"application":…} */
MUST_USE enum err words_context(const struct action *a, const struct decision *d, struct buf *out);
/* The names of the guardrails that made the verdict what it is, comma-separated: those that deny, else those
 * that hold (also of an action that is denied because its holds ask for approvals nobody can give). */
MUST_USE enum err words_guardrails(const struct decision *d, struct arena *a, struct str *ret);
/* The message of the first of them; empty where there is none. */
struct str words_message(const struct decision *d);
/* What is recorded of an action that nobody has to decide. */
struct recorded {
    const struct action *action;
    const struct decision *decision;
    const struct digest *digest; /* NULL: it could not be described */
    struct str envelope;         /* what the digest is of */
    struct str facts;            /* as policy_facts_json; empty: too many for a record */
    struct str vocabulary, policy_version;
    struct str refused;          /* why a hold was not even opened */
};
MUST_USE enum err words_record(const struct recorded *r, struct buf *out);
