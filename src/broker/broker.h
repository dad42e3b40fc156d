/*
 * The broker: the life of every request. An object without a loop, a socket or a clock of its own:
 * whoever owns it (cmd/broker.c) feeds it what workers and people say, with the time, and carries
 * out what it sends. Not thread-safe; no call blocks longer than a disk takes.
 *
 *   worker --link--> broker_from_worker  --ops.send--> worker
 *   person --API-->  broker_vote, ...    --events--->  SSE, watch
 *   timer  -------->  broker_tick         (at broker_next_deadline)
 *
 * The store is the truth; the audit log is written before the store commits; only then anything is
 * sent. If either fails, the answer is a refusal (broker_health says why).
 *
 * People are named by their canonical name in the configuration (model/people.h). Who is calling is
 * established by the API (socket credentials, token) before it calls here.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "link/link.h"
#include "model/audit_settings.h"
#include "model/glass.h"
#include "model/duty.h"
#include "model/people.h"
#include "model/request.h"

struct broker;

struct broker_ops {
    /* Views in `m` are valid during the call. Must not call back into the broker. */
    void (*send)(void *ctx, uint32_t worker, const struct link_message *m);
    /* A call for people (broker_vote, …) may have brought broker_next_deadline forward: look at it
     * when the call has returned. */
    void (*deadline_moved)(void *ctx);
    /* Asks somebody else over HTTP: a GET, or a POST of `body` (JSON) where there is one; views valid
     * during the call. Not from inside, but soon, broker_fetched is called with the number, exactly
     * once. ERR_INVALID, ERR_LIMIT, ERR_NOMEM: it was not asked, and is not called. */
    enum err (*fetch)(void *ctx, uint64_t number, struct str url, struct str body);
};

/* What came back. */
struct broker_fetched {
    enum err why;    /* ERR_OK: an answer came, whatever its status says */
    struct str text; /* for people, where why is not ERR_OK */
    int status;
    struct str body;
};

/* Who calls, as the API established it. */
struct broker_caller {
    struct str person; /* canonical name, empty for nobody */
    bool is_operator;  /* root or the gateway's own user on the local socket: may manage tokens and
                          withdraw, never vote by that alone */
    struct str via;    /* "socket", "http": goes into the record */
};

/* What the broker needs of a loaded configuration. The caller keeps everything it points to until
 * the next broker_set_policy or broker_free has returned. */
struct broker_policy {
    const struct people *people;
    struct str version;              /* as in struct request.policy_version */
    const struct link_config *files; /* what workers are sent, as CONFIG */
    struct str vocabulary;           /* of the facts in records (policy/recorded.h) */
    uint32_t open_requests;          /* that one subject may have; 0: LIMIT_OPEN_REQUESTS_PER_SUBJECT */
    struct break_glass glass;
    struct duty_groups duty;         /* who is on duty when */
    bool judges_changes;             /* a guardrail says `on: policy` */
    struct str ticket_check;         /* whom to ask whether a ticket exists (model/ticket.h); empty: nobody */
};

struct broker_options {
    struct str store_path; /* SQLite file, created with mode 0600 */
    struct str audit_dir;  /* created with mode 0700 where missing */
    struct str instance;   /* of the keeper: tells workers that outlived a broker from strangers */
    const struct broker_ops *ops;
    void *ctx;
    const struct audit_settings *audit; /* everything about the log, as long as the broker; NULL: audit_dir says all */
};

/* Why something was not done, in words for people. */
struct broker_error {
    char text[512];
};

/* Opens store and log, records the start, takes over stored requests: what was waiting or running
 * has LIMIT_LINK_GRACE_MS to be named in a worker's HELLO; then the one is withdrawn (unless kept on
 * disconnect) and the other unknown.
 * ERR_EXISTS: another broker has the log or store; ERR_CORRUPT: it does not verify; ERR_IO. */
MUST_USE enum err broker_new(const struct broker_options *o, const struct broker_policy *policy,
                             struct moment now, struct broker **ret, struct broker_error *ret_error);

/* Records the stop, syncs and closes. What is open stays open in the store. NULL is fine. */
void broker_free(struct broker *b, struct moment now);

/* Records the change (who: "SIGHUP", a person) and sends CONFIG to every worker. ERR_IO where it
 * cannot be recorded: then the old policy stays. */
MUST_USE enum err broker_set_policy(struct broker *b, const struct broker_policy *policy,
                                    struct str who, struct moment now);
/* A configuration that was tried and does not load: recorded, the old one stays in force. */
void broker_policy_failed(struct broker *b, struct str who, struct str error, struct moment now);
/* Records that somebody changed a person: kind "person_added", "person_disabled", …; groups and
 * roles may be empty. On disk when it returns. ERR_IO. */
MUST_USE enum err broker_record_person(struct broker *b, const char *kind,
                                       const struct broker_caller *by, struct str person,
                                       struct str groups, struct str roles, struct moment now);

/*
 * A change of the configuration that people have to approve first (policy_request.c): a request that no
 * worker holds. `s` says all but hold and session; its resource must be BROKER_POLICY_RESOURCE. The
 * first call opens it, and withdraws any other of its kind, for only one change can come next; the same
 * change asked for again after its approval is claimed: it runs now, and broker_policy_done must follow.
 * ERR_INVALID, ERR_BAD_STATE, ERR_IO with what is said: it is not to be put in force.
 */
#define BROKER_POLICY_RESOURCE "countersign:policy"
struct broker_policy_asked {
    uint64_t request;
    bool runs;          /* it was approved: put it in force now */
    struct str missing; /* in the arena, where it waits */
};
MUST_USE enum err broker_policy_ask(struct broker *b, const struct link_submit *s, struct moment now,
                                    struct arena *a, struct broker_policy_asked *ret,
                                    struct broker_error *ret_error);
void broker_policy_done(struct broker *b, uint64_t request, bool in_force, struct moment now);
/* The last such request that was asked for since the start or taken over by it; 0: none. */
uint64_t broker_policy_request(const struct broker *b);

const struct broker_policy *broker_policy(const struct broker *b); /* view, until the next set */

/* --- Workers --------------------------------------------------------------------------------- */

/* A stream to worker `index` (below LIMIT_WORKERS) exists; its HELLO is expected. */
void broker_worker_up(struct broker *b, uint32_t index);

/* Its stream ended. What it held is withdrawn (or kept), what it ran becomes unknown. */
void broker_worker_lost(struct broker *b, uint32_t index, struct moment now);

/* One decoded message. ERR_PROTOCOL: not possible in this state; the caller closes the stream and
 * calls broker_worker_lost. Any other refusal is an answer to the worker and gives ERR_OK. */
MUST_USE enum err broker_from_worker(struct broker *b, uint32_t index, const struct link_message *m,
                                     struct moment now);

/* The answer to ops.fetch. */
void broker_fetched(struct broker *b, uint64_t number, const struct broker_fetched *answer,
                    struct moment now);

/* Does what is due: expiry, grace periods, audit sync. */
void broker_tick(struct broker *b, struct moment now);
/* Monotonic; INT64_MAX where nothing is due. May change with every call that is given `now`. */
int64_t broker_next_deadline(const struct broker *b);

/* Asks every worker to drain (SHUTDOWN). */
void broker_shutdown_workers(struct broker *b);

/* --- People ---------------------------------------------------------------------------------- */

struct broker_voted {
    enum request_state state; /* after this vote */
    struct str missing;       /* "1 of leads (bo, cleo)" where still pending; in the arena */
};

/* One vote. `digest` is what the voter was shown. A reject needs a reason.
 * ERR_NOT_FOUND; ERR_STALE: another digest; ERR_BAD_STATE: no longer pending; ERR_FORBIDDEN: own
 * request, or not among the approvers; ERR_EXISTS: voted already; ERR_INVALID: reason missing, not
 * UTF-8 or over LIMIT_REASON_BYTES; ERR_IO: cannot be stored or recorded, so it did not happen. */
/* ERR_INVALID also where the request asks for a reason and there is none. */
MUST_USE enum err broker_vote(struct broker *b, const struct broker_caller *caller, uint64_t request,
                              enum vote_kind kind, const struct digest *digest, struct str reason,
                              struct moment now, struct arena *a, struct broker_voted *ret,
                              struct broker_error *ret_error);

/* A vote with all it may say. */
struct broker_ballot {
    enum vote_kind kind;
    struct digest digest;
    struct str reason;
    /* Over model/signed_vote.h's text, as ssh-keygen writes it; it must be of one of the voter's
     * `ssh_keys`, else ERR_FORBIDDEN, whether the guardrail asks for one or not. */
    struct str signature;
    /* What an approval grants; all zero: one run. ERR_INVALID where the guardrails do not allow it. */
    struct grant_choice grant;
};
MUST_USE enum err broker_cast(struct broker *b, const struct broker_caller *caller, uint64_t request,
                              const struct broker_ballot *ballot, struct moment now, struct arena *a,
                              struct broker_voted *ret, struct broker_error *ret_error);

/* The requester's own word (or the operator's). Errors as for broker_vote. */
MUST_USE enum err broker_withdraw(struct broker *b, const struct broker_caller *caller,
                                  uint64_t request, struct str reason, struct moment now,
                                  struct broker_error *ret_error);

/* Everything about one request, votes included, copied into `a`. ERR_NOT_FOUND, ERR_IO, ERR_NOMEM
 * (the arena needs LIMIT_ENVELOPE and some). */
MUST_USE enum err broker_get(struct broker *b, uint64_t request, struct arena *a,
                             struct request *ret);

/* What running it would do, as far as its worker could find out, and how earlier requests for the same with other
 * values on the same resource ended. Not covered by the digest. */
struct broker_impact {
    struct str json; /* one object; empty: nothing has come */
    struct digest shape;
    uint64_t ended[REQUEST_STATE_COUNT_];
};
/* r as broker_get gave it; what is in *ret is in `a`. ERR_IO, ERR_NOMEM. */
MUST_USE enum err broker_impact(struct broker *b, const struct request *r, struct arena *a,
                                struct broker_impact *ret);

struct broker_filter {
    uint32_t states;     /* bit (1 << enum request_state) of each wanted; 0: all */
    uint64_t before;     /* only ids below; 0: from the newest */
    uint32_t limit;      /* 1 to LIMIT_LIST */
    size_t envelope_max; /* a longer envelope is left empty (fetch it with broker_get) */
};

/* Newest first. */
MUST_USE enum err broker_list(struct broker *b, const struct broker_filter *f, struct arena *a,
                              const struct request **ret, size_t *ret_n);

/* Takes the caller's standing vote back, while the request is pending. ERR_NOT_FOUND: no such request;
 * ERR_BAD_STATE: decided already, or no vote of the caller stands; ERR_INVALID, ERR_IO as above. */
MUST_USE enum err broker_retract(struct broker *b, const struct broker_caller *caller,
                                 uint64_t request, struct str reason, struct moment now,
                                 struct arena *a, struct broker_voted *ret,
                                 struct broker_error *ret_error);

/* One line of the quorum, as it stands (approval/approval.h). */
struct broker_requirement {
    struct str text;              /* "1 of dba" */
    uint32_t count, have, stage;  /* approvals needed, and counted here; its turn */
    bool asked;                   /* false: an earlier stage is not met */
    const struct str *candidates; /* people whose approval would count for this line */
    size_t n_candidates;
    const struct str *later;      /* groups and people who are asked if it stays unmet */
    size_t n_later;
    int64_t later_wall_ns;        /* … from then on; 0: not known */
};

/* Who may decide request `r` now (never its requester, nor who voted already). */
MUST_USE enum err broker_who_may_decide(struct broker *b, const struct request *r,
                                        struct moment now, struct arena *a,
                                        const struct broker_requirement **ret, size_t *ret_n);

/* What `person` has to do with r: it is theirs (or of who acts for them), or theirs to decide, now,
 * before or by the quorum alone. Both: a colleague's account that is also theirs. */
struct broker_relation {
    bool is_requester, is_approver;
};
struct broker_relation broker_relation(const struct broker *b, const struct request *r,
                                       struct str person);

/* True where `person` may cast a vote on r now. */
bool broker_may_vote(const struct broker *b, const struct request *r, struct str person);

/* --- Grants that outlive one run --------------------------------------------------------------- */

struct broker_grant {
    struct grant grant;
    uint32_t reserved;  /* uses that open requests count on */
    bool in_force;
    const char *answer; /* "in force", "revoked", "expired", "used up" */
};
/* Newest first, at most LIMIT_LIST; `all`: also those no longer in force. */
MUST_USE enum err broker_grant_list(struct broker *b, bool all, struct moment now, struct arena *a,
                                    const struct broker_grant **ret, size_t *ret_n);

/* At once, in open sessions too: what runs is not touched, what waits is held afresh. Anyone who could
 * have granted it, its own subject, an admin or the operator; else ERR_FORBIDDEN. ERR_NOT_FOUND;
 * ERR_BAD_STATE: revoked before; ERR_INVALID: the reason; ERR_IO. */
MUST_USE enum err broker_grant_revoke(struct broker *b, const struct broker_caller *caller, uint64_t id,
                                      struct str reason, struct moment now, struct broker_error *ret_error);

/* What may be granted with an approval of a request, and the grants it counts on itself. */
struct broker_terms {
    struct grant_terms terms; /* kinds 0: one run and nothing else */
    struct str shape_text, session;
    uint64_t counts_on[LIMIT_GRANTS_OF_ONE];
    size_t n_counts_on;
};
MUST_USE enum err broker_request_terms(struct broker *b, uint64_t request, struct arena *a,
                                       struct broker_terms *ret);

/* --- Break-glass ----------------------------------------------------------------------------- */

/* The caller runs their own pending request at once: no quorum, a reason, a code of a second factor (six
 * digits of an authenticator, or a sealed token). A review falls due. ERR_FORBIDDEN: not named for it,
 * not their own, a review is overdue, too many wrong codes, or a wrong one; ERR_STALE: another digest;
 * ERR_INVALID: the reason; ERR_NOT_FOUND, ERR_BAD_STATE, ERR_IO as for a vote. */
MUST_USE enum err broker_break_glass(struct broker *b, const struct broker_caller *caller, uint64_t request,
                                     const struct digest *digest, struct str reason, struct str code,
                                     struct moment now, struct broker_error *ret_error);

/* A new second factor for a person, by an admin or the operator. What is appended is shown once: an
 * otpauth: URI, which takes the place of an earlier one, or a sealed token, which works once. */
MUST_USE enum err broker_totp_enroll(struct broker *b, const struct broker_caller *caller, struct str person,
                                     struct moment now, struct buf *ret_uri, struct broker_error *ret_error);
MUST_USE enum err broker_seal(struct broker *b, const struct broker_caller *caller, struct str person,
                              struct moment now, struct buf *ret_text, struct broker_error *ret_error);

struct broker_reviewed {
    uint64_t request;
    struct str person, reason, factor, reviewer, note;
    int64_t broken_wall_ns, due_wall_ns, reviewed_wall_ns; /* 0: not yet */
};
/* Newest first. */
MUST_USE enum err broker_review_list(struct broker *b, struct arena *a, const struct broker_reviewed **ret,
                                     size_t *ret_n);
/* Closes it: somebody who could have decided the request, or an admin; never its own side. */
MUST_USE enum err broker_review(struct broker *b, const struct broker_caller *caller, uint64_t request,
                                struct str note, struct moment now, struct broker_error *ret_error);

/* --- Delegations ----------------------------------------------------------------------------- */

/* `from` is away, and `to` may decide in their place: by the groups and the name of `from`, never about
 * a request of `from` or of their own, never where `from` has voted, and not any further. */
struct broker_delegation {
    uint64_t id;
    struct str from, to, reason;
    int64_t created_wall_ns, until_wall_ns;
};

/* The caller delegates. ERR_NOT_FOUND: nobody of that name; ERR_INVALID: to oneself, for no time or
 * over LIMIT_DELEGATION_NS; ERR_EXISTS: one is in force; ERR_FORBIDDEN, ERR_LIMIT, ERR_IO. */
MUST_USE enum err broker_delegate(struct broker *b, const struct broker_caller *caller,
                                  struct str to, int64_t within_ns, struct str reason,
                                  struct moment now, uint64_t *ret_id,
                                  struct broker_error *ret_error);
/* Those in force. */
MUST_USE enum err broker_delegations(struct broker *b, struct moment now, struct arena *a,
                                     const struct broker_delegation **ret, size_t *ret_n);
/* By either side, an admin or the operator. What was voted in its name counts no longer. */
MUST_USE enum err broker_delegation_revoke(struct broker *b, const struct broker_caller *caller,
                                           uint64_t id, struct moment now,
                                           struct broker_error *ret_error);

/* --- Statistics ------------------------------------------------------------------------------ */

/* An approval within this time was hardly read. */
#define BROKER_FAST_NS (5 * NS_PER_S)
struct broker_stat {
    struct str name;
    uint64_t approvals, rejections, fast; /* fast: of the approvals */
    int64_t median_ns;                    /* from the request to the approval */
};
struct broker_stats {
    const struct broker_stat *approvers, *guardrails; /* by name */
    size_t n_approvers, n_guardrails;
};
MUST_USE enum err broker_stats(struct broker *b, int64_t since_wall_ns, struct arena *a,
                               struct broker_stats *ret);

/* --- Tokens ---------------------------------------------------------------------------------- */

/* Bearer tokens of the HTTP API: 256 random bits, stored as SHA-256. */
enum { BROKER_TOKEN_TEXT = 80 };

/* What a token may be used for, as bits. It never adds to what its person may do. */
enum broker_scope {
    BROKER_MAY_ACT = 1,     /* submit actions, withdraw own requests */
    BROKER_MAY_APPROVE = 2, /* vote */
    BROKER_MAY_ADMIN = 4,   /* manage tokens and people, where the person is an admin */
    BROKER_MAY_AUDIT = 8,   /* see every request, where the person is an auditor or admin */
};
enum {
    BROKER_MAY_ALL = BROKER_MAY_ACT | BROKER_MAY_APPROVE | BROKER_MAY_ADMIN | BROKER_MAY_AUDIT
};

struct broker_token {
    uint64_t id;
    struct str person, label;
    uint32_t scopes;
    int64_t created_wall_ns, expires_wall_ns; /* expires 0: never */
    int64_t revoked_wall_ns;                  /* 0: in force */
};

/* ret_text (NUL-terminated) is shown once and kept nowhere. Callers: an admin or the operator, else
 * ERR_FORBIDDEN. ERR_NOT_FOUND: no such person; ERR_INVALID: label, or no known scope; ERR_IO. */
MUST_USE enum err broker_token_create(struct broker *b, const struct broker_caller *caller,
                                      struct str person, struct str label, uint32_t scopes,
                                      int64_t expires_wall_ns,
                                      struct moment now, char ret_text[static BROKER_TOKEN_TEXT],
                                      uint64_t *ret_id, struct broker_error *ret_error);
MUST_USE enum err broker_token_list(struct broker *b, struct arena *a,
                                    const struct broker_token **ret, size_t *ret_n);
/* An admin, the operator, or the person it belongs to. */
MUST_USE enum err broker_token_revoke(struct broker *b, const struct broker_caller *caller,
                                      uint64_t id, struct moment now, struct broker_error *ret_error);
/* Revokes the token with this text: the end of a session. Errors as above. */
MUST_USE enum err broker_token_end(struct broker *b, const struct broker_caller *caller, struct str text,
                                   struct moment now, struct broker_error *ret_error);
/* The person a presented token belongs to, view until the next broker_set_policy. ERR_FORBIDDEN:
 * unknown, expired, revoked, or of somebody who is no longer in the configuration; ERR_IO. */
MUST_USE enum err broker_token_lookup(struct broker *b, struct str text, struct moment now,
                                      struct str *ret_person, uint32_t *ret_scopes);

/* --- Logins to databases (`login: gateway`) --------------------------------------------------- */

/* LOGIN_TOKEN and LOGIN_CERTIFICATE: may this user log in? Recorded either way. *ret is in the arena or
 * lives as long as the policy; never an error but ret->ok false. */
void broker_login(struct broker *b, const struct login_ask *ask, struct moment now, struct arena *a,
                  struct login_answer *ret);
/* True where the worker has said HELLO on its present link. */
bool broker_worker_is_ready(const struct broker *b, uint32_t index);

/* --- Watching -------------------------------------------------------------------------------- */

/* BROKER_GLASS_BROKEN follows BROKER_REQUEST_CHANGED: everybody who was skipped is to be told. */
enum broker_event_kind {
    BROKER_REQUEST_OPENED = 1,
    BROKER_REQUEST_VOTED, /* also: a vote was taken back */
    BROKER_REQUEST_CHANGED,
    BROKER_REQUEST_ASKED, /* further people are asked */
    BROKER_REQUEST_IMPACT, /* what it would do is known now, or known anew */
    BROKER_GLASS_BROKEN,
};
struct broker_event {
    enum broker_event_kind kind;
    uint64_t request;
    enum request_state state;
};

/* Called when the event is already stored, in order. The callee may read (get, list, who_may_decide)
 * and unsubscribe itself, nothing else. */
typedef void broker_event_fn(void *ctx, const struct broker_event *e);
struct broker_subscription;
MUST_USE enum err broker_subscribe(struct broker *b, broker_event_fn *fn, void *ctx,
                                   struct broker_subscription **ret);
void broker_unsubscribe(struct broker *b, struct broker_subscription *s); /* NULL is fine */

/* The log's last signed checkpoint (audit_checkpoint), and a witness's answer to it (audit_cosign). */
struct str broker_checkpoint(const struct broker *b);
MUST_USE enum err broker_cosign(struct broker *b, uint64_t size, struct str lines);

/* --- Changes to the log ------------------------------------------------------------------------ */

struct broker_log_change {
    uint64_t seq;   /* of the record that says it */
    size_t members; /* erased */
};
/* Erases what stands apart of a record, or makes a new key (audit_erase, audit_rotate_key): the operator on the local
 * socket alone, else ERR_FORBIDDEN. ERR_NOT_FOUND: nothing to erase; ERR_INVALID: the reason, or a command signs;
 * ERR_IO. */
MUST_USE enum err broker_erase(struct broker *b, const struct broker_caller *caller, uint64_t record,
                               struct str reason, struct moment now, struct broker_log_change *ret,
                               struct broker_error *ret_error);
MUST_USE enum err broker_rotate_key(struct broker *b, const struct broker_caller *caller, struct moment now,
                                    struct broker_log_change *ret, struct broker_error *ret_error);

struct broker_metrics {
    uint64_t submitted, refused, approvals, rejections, votes_refused, claims, claims_refused;
    uint64_t ended[REQUEST_STATE_COUNT_]; /* requests that reached this state since the start */
    uint64_t open[REQUEST_STATE_COUNT_];  /* now: pending, approved, running */
    uint64_t audit_records, audit_syncs, sessions_opened, sessions_closed;
    uint32_t workers_ready;
    uint64_t audit_signed; /* records that the last checkpoint covers */
    bool audit_healthy, audit_signing, store_healthy;
};
void broker_metrics(const struct broker *b, struct broker_metrics *ret);

/* True where requests can be taken. Else ret_why (view, until the next call) says what is broken. */
bool broker_health(const struct broker *b, struct str *ret_why);
/* True where requests can be taken and yet somebody has to look: no checkpoint of the log can be signed, so what was
 * recorded since is proved to nobody. ret_why as above. */
bool broker_degraded(const struct broker *b, struct str *ret_why);
