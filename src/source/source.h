/*
 * The plug-in interface: a source speaks one protocol, sees actions happen, and carries out what the
 * gate says. A source knows the gate only through `struct gate_port`; the gate knows a source only
 * through `struct source`. Neither knows the other's module.
 *
 * One action, as a source lives it:
 *
 *   decoded --submit--> ALLOW: forward the bytes now
 *                       DENY:  answer with the refusal, nothing was forwarded
 *                       HOLD:  keep the bytes; the client's later messages wait;
 *                              then exactly one of  release  or  refuse  is called,
 *                              or the source calls withdraw (and neither is called);
 *                              meanwhile the source may tell the impact
 *                       needs_facts: obtain them, and submit the action again with them
 *
 * Calls into a source never come from inside a call of that source into the gate, except `describe`,
 * which reads and changes nothing.
 *
 * What a held action points to (subject, context, text, facts) stays valid until its end: the gate
 * describes it again before it is released, and the digest must be the same.
 */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "model/action.h"
#include "model/login.h"
#include "model/verdict.h"
#include "net/loop.h"
#include "net/stream.h"

struct source_session;
struct source_state; /* what a source keeps for one worker: tables over all its sessions */
struct hold;         /* the gate's side of one held action */
struct commit_terms; /* what the COMMIT of statements that ran needs; the source keeps it, the gate owns its inside */

enum refusal_kind {
    REFUSAL_DENIED = 1,  /* by a guardrail */
    REFUSAL_REJECTED,    /* by a person */
    REFUSAL_EXPIRED,     /* nobody decided, or it was not run, in time */
    REFUSAL_WITHDRAWN,   /* by the requester, or with the session's worker */
    REFUSAL_UNAVAILABLE, /* no decision could be had: fail closed */
    REFUSAL_PENDING,     /* it waits for people without the client, who sends the same again later */
    REFUSAL_LACKING,     /* the requester must state something first: a reason, a ticket */
    REFUSAL_LIMIT,       /* too many requests of this subject are open */
};

/* Why nothing ran, in the words for the client. Views, valid during the call. */
struct refusal {
    enum refusal_kind kind;
    uint64_t request; /* 0 where none was opened */
    struct str message, detail, hint;
};

/* What to tell a waiting client. */
struct hold_notice {
    uint64_t request;
    bool first;          /* the full text once, a short line after that */
    struct str message;  /* the guardrail's */
    struct str approvers;
    int64_t remaining_ns;
};

enum outcome_kind { RUN_COMPLETED = 1, RUN_FAILED, RUN_UNKNOWN };

struct outcome {
    enum outcome_kind kind;
    struct str tag;  /* "DELETE 12" */
    int64_t rows;    /* -1 unknown */
    struct str error_code, error_message;
    int64_t duration_ns;
};

/* What `submit` answers beside the verdict. */
struct submission {
    struct hold *hold;      /* for VERDICT_HOLD; NULL: see commit */
    struct commit_terms *commit; /* VERDICT_HOLD without hold: it may run in a transaction, and that transaction's
                                    COMMIT is submitted with these; only where action.can_commit_later */
    uint64_t needs_facts;   /* for VERDICT_HOLD without a hold: lazy facts that can change the verdict. The source
                             * submits the action again, with action.lazy: what it could not obtain as failed. Then
                             * there is a verdict */
    uint64_t run;           /* for VERDICT_ALLOW: not 0 where the outcome is wanted (gate_port.ran) */
    struct refusal refusal; /* for VERDICT_DENY: views valid until the next call into the gate */
};

/* The gate, as a source sees it. */
struct gate_port {
    void *gate;

    /* True where some guardrail on this resource could look at actions at all; otherwise a source
     * may forward without decoding. */
    bool (*watches)(void *gate, const struct resource *r);

    /* True where some guardrail may hold a COMMIT. */
    bool (*holds_commits)(void *gate);

    /* The verdict. `owner` is given back in every call about this hold. */
    enum verdict (*submit)(void *gate, struct source_session *owner, const struct action *a,
                           struct submission *ret);

    /* The COMMIT of what ran under these terms, which are gone after. Never VERDICT_ALLOW. */
    enum verdict (*submit_commit)(void *gate, struct source_session *owner, const struct action *a,
                                  struct commit_terms *terms, struct submission *ret);
    /* The terms of both in `into`; `from` is gone after. Of an error too: the source rolls back. */
    MUST_USE enum err (*join_commits)(void *gate, struct commit_terms *into, struct commit_terms *from);
    /* What ran was undone; NULL is nothing. */
    void (*drop_commit)(void *gate, struct commit_terms *terms);

    /* The source itself does not let the action pass: recorded. */
    void (*walled)(void *gate, struct source_session *owner, const struct action *a, const char *why);

    /* The requester gave up, or (gone) its connection ended, in which case a request whose guardrail
     * keeps it stays open. The hold is gone after; no call about it follows. */
    void (*withdraw)(void *gate, struct hold *h, struct str reason, bool gone);

    /* What running it would do, as one JSON object of at most LIMIT_IMPACT bytes (docs/impact.md): for those who
     * decide, beside the envelope and not covered by the digest. Any time from submit to the end of the hold;
     * a second one replaces the first. `shape`: what actions have in common that differ in values alone. */
    void (*impact)(void *gate, struct hold *h, const struct digest *shape, struct str json);

    /* How a released (or watched) action ended. `run` is dead after. */
    void (*ran)(void *gate, uint64_t run, const struct outcome *o);

    void (*session_opened)(void *gate, const struct subject *s, const struct resource *r,
                           const struct session_context *c);
    void (*session_closed)(void *gate, const struct subject *s, const struct resource *r,
                           const struct session_context *c);

    /* Fills person, groups of s from the account name; views live as long as the policy. */
    void (*identify)(void *gate, struct subject *s);

    /* Asks the broker about a login; source.login_answer(owner) follows in a later turn, unless
     * login_forget is called. ERR_CLOSED, ERR_LIMIT: it cannot be asked now. */
    enum err (*login)(void *gate, struct source_session *owner, const struct login_ask *ask,
                      uint64_t *ret_number);
    void (*login_forget)(void *gate, uint64_t number);

    /* Bytes to this source on the other workers: source.peer_bytes is called there. */
    void (*tell_peers)(void *gate, const char *source_type, struct str bytes);
};

struct source {
    const char *type; /* "postgres" */

    /* One for each worker and resource. */
    enum err (*open)(struct loop *l, const struct gate_port *gate, const struct resource *r,
                     struct source_state **ret);
    void (*close)(struct source_state *st);

    /* A client connected; fd is the source's from here. Errors are the source's business. */
    void (*accept)(struct source_state *st, int fd);

    /* The action of a hold, for people and for the digest: one JSON object (the "action" member of
     * the envelope), written completely or not at all. */
    enum err (*describe)(struct source_session *s, const struct action *a, struct buf *out);

    /* The same with its values taken out (classify/shape.h), for grants: one JSON object that two
     * actions share only where they differ in values, and *ret_text for people, in `arena`. Nothing is
     * written where the action has no shape. NULL: this source knows no shapes. */
    enum err (*shape)(struct source_session *s, const struct action *a, struct arena *arena,
                      struct buf *out, struct str *ret_text);

    void (*notice)(struct source_session *s, struct hold *h, const struct hold_notice *n);
    /* `run` names the run in the later gate_port.ran. */
    void (*release)(struct source_session *s, struct hold *h, uint64_t run);
    void (*refuse)(struct source_session *s, struct hold *h, const struct refusal *r);

    /* NULL where the source never asks. Also when the link was lost: then it is a refusal. */
    void (*login_answer)(struct source_session *s, const struct login_answer *a);

    void (*peer_bytes)(struct source_state *st, struct str bytes);

    /* How a client of this protocol states a "reason" or a "ticket", as a hint. NULL: it cannot. */
    struct str (*how_to_state)(struct str what);

    /* Policy or people were reloaded: sessions re-identify their subject. */
    void (*policy_changed)(struct source_state *st);

    /* Stop accepting; sessions that are idle end with 57P01, others when their transaction ends or
     * the deadline comes. */
    void (*drain)(struct source_state *st);
    size_t (*sessions)(const struct source_state *st);
};

/* The source for a resource's type, NULL where there is none. */
const struct source *source_find(struct str type);
