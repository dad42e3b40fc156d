/*
 * What the files of broker/ share. Nobody else includes this.
 *
 *   broker.c   the head: invariants, opening, closing, policy, the table of worker messages, ticks
 *   change.c   the one place where a request changes its state
 *   submit.c   SUBMIT, CLAIM, RESULT, WITHDRAW
 *   holders.c  workers that come, go and come back
 *   policy_request.c  changes of the configuration that people approve
 *   people.c   votes, withdrawals, what people may see
 *   impact.c   what running an action would do
 *   logins.c   people who log in to a database through the gateway
 *   live.c     the open requests, in memory
 *   records.c  what is written into the log
 *   waiting.c  clients that hold on together, come back later, or were told nothing yet
 *   watch.c    events and counters
 */
#pragma once

#include "approval/approval.h"
#include "audit/audit.h"
#include "base/json.h"
#include "base/limits.h"
#include "broker/broker.h"
#include "store/store.h"

/* How an open request is tied to a worker. */
enum holding {
    HELD = 1, /* a READY worker holds or runs it */
    AWAITED,  /* from before the broker started: its worker may still name it in HELLO */
    DETACHED, /* kept without a client: the next SUBMIT of the same action attaches */
};

/* One open request. The store is the truth; this is what has to be known at every turn. */
struct live {
    uint64_t id;
    enum request_state state; /* pending, approved or running */
    struct digest digest;
    struct digest subject;    /* hash of its name, to count by */
    int64_t deadline_mono_ns; /* to decide or run by; INT64_MAX while running */
    int64_t ask_due_mono_ns;  /* pending: when further people are to be asked; INT64_MAX: none */
    int64_t asked_mono_ns[LIMIT_REQUIREMENTS]; /* since when each requirement is, where it is */
    bool keep_on_disconnect;
    enum holding holding;
    uint32_t worker, pid; /* HELD, AWAITED */
    uint64_t hold;
    bool of_policy;     /* a change of the configuration: nobody holds it */
    bool of_instance;   /* AWAITED: held under the keeper that started this broker */
    const char *doomed; /* why it has to end although that could not be written yet, else NULL */
    int64_t retry_mono_ns;
};

/* Another session that holds on for a request (waiting.c). */
struct follower {
    uint64_t request, hold;
    uint32_t worker;
};

enum peer_state { PEER_GONE = 0, PEER_SPAWNED, PEER_READY };
struct peer {
    enum peer_state state;
    uint32_t pid;
};

struct broker_subscription {
    broker_event_fn *fn; /* NULL: unsubscribed while events were being given out */
    void *ctx;
    struct broker_subscription *next;
};

struct broker {
    struct broker_ops ops;
    void *ctx;
    char *instance;
    struct broker_policy policy;
    struct people people;    /* policy.people, with who is on duty and who stands in for whom now */
    struct moment_lists *lists;
    struct hook *hooks; /* one for each group of policy.duty */
    bool started; /* what is not started records no stop */
    struct store *store;
    struct audit_settings audit_settings;
    struct audit *audit;
    struct peer peers[LIMIT_WORKERS];
    struct live *live; /* by id, ascending */
    size_t n_live, live_size;
    struct follower *followers; /* oldest first */
    size_t n_followers, followers_size;
    bool told_broken;   /* what workers were told of the log */
    bool said_unretained, said_unsigned; /* in the service's log */
    int64_t audit_retry_mono_ns; /* while the log is broken; 0: not yet set */
    struct {
        uint64_t first, last;    /* records to be called undone once the log works; 0: none */
    } undone;
    int64_t grace_until_mono_ns; /* for AWAITED; INT64_MAX once it is over */
    uint64_t policy_request; /* policy_request.c */
    uint64_t last_fetch; /* the number of the last thing asked with ops.fetch */
    struct ticket_check *checks;
    size_t n_checks;
    struct broker_subscription *subscriptions;
    bool giving_events;
    struct broker_metrics metrics;
    char store_text[256]; /* what the store said when it failed last; empty: healthy */
};

/* --- live.c ---------------------------------------------------------------------------------- */

struct live *live_find(const struct broker *b, uint64_t id);
struct live *live_by_hold(struct broker *b, uint32_t worker, uint64_t hold);
MUST_USE enum err live_add(struct broker *b, const struct live *l, struct live **ret);
void live_remove(struct broker *b, uint64_t id);
size_t live_count_subject(const struct broker *b, const struct digest *subject);
/* Asserts what must hold of an open request, in memory alone and against its row. */
void live_check(const struct broker *b, const struct live *l);
void live_check_row(const struct live *l, const struct store_request *q);

/* Arena for one request with its envelope and votes. */
#define REQUEST_ARENA (4 * LIMIT_ENVELOPE)

/* --- change.c -------------------------------------------------------------------------------- */

/* What is written down with a step of the approval machine. */
struct change {
    struct approval_step step;
    const struct vote *vote; /* where step.keep_vote or step.retract: whose */
    struct str by, via;      /* who caused it, for the record; may be empty */
    struct str reason;
    const struct glass_write *glass; /* where it is approved by break-glass */
    enum request_bypass bypass; /* how it is approved where it is not by its quorum */
    struct str outcome;      /* JSON kept with the request; empty: none */
};

/* Carries the step out: records, then store, then memory, then events. On ERR_OK l is as the step
 * says, and freed where the state is final. Any error: nothing happened, to the best of what the
 * disk lets us know (a record that says so follows one that was undone). */
MUST_USE enum err change_request(struct broker *b, struct live *l, const struct store_request *q,
                                 const struct change *c, struct moment now);

/* Loads the row of l. ERR_IO, ERR_CORRUPT, ERR_STALE where it does not match what is known here. */
MUST_USE enum err change_load(struct broker *b, const struct live *l, struct arena *a,
                              struct store_request *ret);

struct approval change_approval_of(const struct store_request *q, const struct live *l);

/* Asks those whose wait is over, and finds out when the next are due. */
void change_ask(struct broker *b, struct live *l, struct moment now);
/* Sets l->asked_mono_ns and l->ask_due_mono_ns by the row. */
void change_follow_asked(struct broker *b, struct live *l, const struct store_request *q,
                         struct moment now);

/* Ends a request whose holder is gone or whose end was due (TICK, LOST, WITHDRAW), and tells its
 * holder. Where that cannot be written the holder is told UNAVAILABLE and it is tried again later. */
struct ending {
    enum approval_event_kind event;
    struct str by, via, reason;
    enum link_end tell; /* 0: what the state says */
};
void change_end(struct broker *b, struct live *l, const struct ending *e, struct moment now);
/* The holder was told that it is over; the store still has to be. */
void change_doom(struct broker *b, struct live *l, const char *why, struct moment now);
/* running -> failed, for what never began: its holder is told. */
void change_not_run(struct broker *b, struct live *l, struct str why, struct moment now);
/* Tries again what change_doom put off. */
void change_retry(struct broker *b, struct live *l, struct moment now);

/* Records on disk, then the commit, of the transaction that is open. A crash in between leaves records
 * of what did not happen, which the next start finds by store_position and says. */
MUST_USE enum err change_commit(struct broker *b);

/* Notes whether the store works; passes e through. */
enum err store_said(struct broker *b, enum err e);

/* --- Messages to workers (holders.c) ----------------------------------------------------------- */

void tell(struct broker *b, uint32_t worker, const struct link_message *m);
void tell_ended(struct broker *b, uint32_t worker, uint64_t hold, uint64_t request,
                enum link_end end, struct str by, struct str reason);
void tell_holder_ended(struct broker *b, const struct live *l, enum link_end end, struct str by,
                       struct str reason);
void tell_approved(struct broker *b, const struct live *l, const struct store_request *q);
/* SUBMITTED, with what is missing now: at first, and again when that changes. */
void tell_submitted(struct broker *b, const struct live *l, const struct store_request *q);

/* --- Handlers of worker messages --------------------------------------------------------------- */

typedef enum err worker_handler(struct broker *b, uint32_t worker, const struct link_message *m,
                                struct moment now);
worker_handler on_hello, on_submit, on_withdraw, on_claim, on_result, on_record, on_session,
    on_peers, on_loaded, on_impact;

/* Leaves a request that is kept on disconnect without a holder. */
void holders_detach(struct broker *b, struct live *l, struct moment now);
/* Ends the waiting for workers from before the start. */
void holders_grace_over(struct broker *b, struct moment now);
/* Puts what the store has open into memory, AWAITED or DETACHED. */
MUST_USE enum err holders_take_over(struct broker *b, struct moment now);

/* Ties a request to a worker's hold: recorded, stored, then SUBMITTED (and APPROVED) told. */
MUST_USE enum err holders_attach(struct broker *b, struct live *l, const struct store_holder *holder,
                                 struct moment now);

/* --- submit.c --------------------------------------------------------------------------------- */

/* What is wrong with it in itself, NULL where nothing is. */
const char *submit_fault(const struct link_submit *s);
/* True where it cannot be taken now: why is in `text`. */
bool submit_refused(struct broker *b, const struct link_submit *s, char *text, size_t size,
                    enum link_end *ret_end);
/* The open request for the same action of the same subject, that asks the same of people; or NULL. */
struct live *submit_find_open(struct broker *b, const struct link_submit *s);
void submit_open(struct broker *b, uint32_t worker, const struct link_submit *s, struct moment now);

/* --- policy_request.c ------------------------------------------------------------------------- */

/* At the start: what was open for a configuration that is judged no more is withdrawn. */
void policy_requests_take_over(struct broker *b, struct moment now);
/* Keeps which policy is in force; where the last one asked people about changes and this is another, that
 * is a record `policy_unapproved`. */
MUST_USE enum err policy_note_start(struct broker *b, struct moment now);
MUST_USE enum err policy_note(struct broker *b, const struct broker_policy *p);

/* --- grants.c -------------------------------------------------------------------------------- */

/* Which grants a submission can count on, and what is left to ask. */
struct coverage {
    uint64_t grants[LIMIT_GRANTS_OF_ONE];
    size_t n;
    struct quorum quorum;         /* of the guardrails no grant covers; empty where all are covered */
    const struct hold_part *left; /* those guardrails */
    size_t n_left;
};
void grants_cover(struct broker *b, const struct link_submit *s, struct arena *a, struct coverage *ret,
                  struct moment now);
/* In the transaction that stores the request: what it counts on, and what may be granted with it. */
MUST_USE enum err grants_reserve(struct broker *b, uint64_t request, const struct link_submit *s,
                                 const struct coverage *c, struct arena *a);
/* ERR_INVALID (said) where the request's guardrails do not allow it. */
MUST_USE enum err grants_check_choice(struct broker *b, uint64_t request, const struct grant_choice *choice,
                                      struct broker_error *said);
/* In the transaction of a vote: keeps its choice, and makes the grant where it approves the request. */
MUST_USE enum err grants_vote(struct broker *b, const struct store_request *q, const struct vote *v,
                              bool approved, struct moment now);
/* NULL where every grant the request counts on is in force and those who gave it still may, else why not. */
const char *grants_gone(struct broker *b, const struct request *r, struct moment now);
/* In the transaction that starts the run. */
MUST_USE enum err grants_use(struct broker *b, const struct store_request *q, struct moment now);

/* --- glass.c --------------------------------------------------------------------------------- */

/* A break-glass that was judged good: what is written with it. */
struct glass_write {
    struct str person, via, reason;
    enum second_factor factor;
    uint64_t step, sealed; /* of the code that is used up */
};
/* In the transaction that approves the request. */
MUST_USE enum err glass_store(struct broker *b, const struct store_request *q, const struct glass_write *w,
                              struct moment now);
MUST_USE enum err glass_record(struct broker *b, const struct store_request *q, const struct glass_write *w,
                               struct moment now);

/* tokens.c: an admin, or the operator. */
bool tokens_may_manage(const struct broker *b, const struct broker_caller *caller);

/* --- people.c -------------------------------------------------------------------------------- */

/* An open request with its row, or why there is none. */
MUST_USE enum err people_open_one(struct broker *b, uint64_t id, struct arena *a, struct live **ret,
                                  struct store_request *q, struct broker_error *said);
MUST_USE enum err people_check_reason(struct str reason, bool needed, struct broker_error *said);

/* --- waiting.c ------------------------------------------------------------------------------- */

bool follower_known(const struct broker *b, uint32_t worker, uint64_t hold);
/* False where there are LIMIT_FOLLOWERS_OF_ONE, or no memory. */
bool follower_add(struct broker *b, uint64_t request, uint32_t worker, uint64_t hold);
void follower_remove(struct broker *b, uint32_t worker, uint64_t hold);
void followers_of_worker_lost(struct broker *b, uint32_t worker);
/* Each is told and forgotten. */
void followers_tell_ended(struct broker *b, uint64_t request, enum link_end end, struct str by,
                          struct str reason);
/* The oldest becomes the holder of l, whose own is gone. False where there is none, or it failed. */
bool follower_takes_over(struct broker *b, struct live *l, struct moment now);

/* ENDED, PENDING: the number, and what it waits for. */
void tell_pending(struct broker *b, uint32_t worker, uint64_t hold, const struct live *l,
                  const struct store_request *q);

/* How a request ended, for who asks afterwards; end 0: it did not, or it ran. */
struct past_end {
    enum link_end end;
    struct str by, reason;
};
struct past_end past_end_of(const struct request *r);
/* Tells the end of a request for the same action that nobody was told yet. False: there is none. */
bool tell_untold(struct broker *b, uint32_t worker, const struct link_submit *s, struct moment now);

/* --- moment.c -------------------------------------------------------------------------------- */

/* Sets b->people to what holds at this moment. What cannot be kept in memory is left out: nobody has a
 * right by it. */
void moment_set(struct broker *b, struct moment now);
/* When b->people will be another, on the monotonic clock; INT64_MAX: not by itself. */
int64_t moment_next(const struct broker *b);
/* Reads what is stored; at the start and after each change. */
MUST_USE enum err moment_load(struct broker *b, struct moment now);
void moment_free(struct broker *b);
/* Notes in the vote what its person is by the hour; texts in `a`. */
MUST_USE enum err moment_stamp(struct broker *b, struct vote *v, struct arena *a);

/* Who is on duty is to be found out again. */
void moment_duties_changed(struct broker *b);

/* --- hooks.c --------------------------------------------------------------------------------- */

void hooks_reset(struct broker *b); /* after policy.duty was set; policy.duty.n 0 frees them */
void hooks_tick(struct broker *b, struct moment now);
int64_t hooks_next(const struct broker *b);
bool hooks_answered(struct broker *b, uint64_t number, const struct broker_fetched *answer,
                    struct moment now);
/* Whom group number `group` has on duty by its webhook; 0: nobody, or not known. */
size_t hooks_people(const struct broker *b, size_t group, const struct str **ret);

/* --- tickets.c ------------------------------------------------------------------------------- */

/* A new request whose ticket has to exist: asks, and opens it or refuses it when the answer is there. */
void tickets_ask(struct broker *b, uint32_t worker, const struct link_submit *s, struct moment now);
bool tickets_known(const struct broker *b, uint32_t worker, uint64_t hold);
/* Its holder gave up, or (hold 0) the worker is gone. True where there was one. */
bool tickets_drop(struct broker *b, uint32_t worker, uint64_t hold);
/* False where the number is none of ours. */
bool tickets_answered(struct broker *b, uint64_t number, const struct broker_fetched *answer,
                      struct moment now);
/* submit.c: takes a submission whose ticket is good. */
void submit_checked(struct broker *b, uint32_t worker, const struct link_submit *s, struct moment now);
void submit_refuse(struct broker *b, uint32_t worker, const struct link_submit *s, enum link_end end,
                   const char *why, struct moment now);

/* --- records.c ------------------------------------------------------------------------------- */

/* A record being written: json_* on .j, then record_append. */
struct record {
    struct buf data;
    struct json j;
};
void record_begin(struct record *r);
void record_done(struct record *r);
MUST_USE enum err record_append(struct broker *b, struct record *r, const char *kind,
                                struct moment now);

/* What every record about a standing grant has. */
void record_grant(struct record *r, const struct grant *g);
MUST_USE enum err record_opened(struct broker *b, const struct store_request *q, struct moment now);
MUST_USE enum err record_vote(struct broker *b, const struct request *r, const struct vote *v,
                              struct moment now);
MUST_USE enum err record_state(struct broker *b, const struct request *r, enum request_state to,
                               const struct change *c, struct moment now);
/* A vote that was taken back, or replaced by another of the same person. */
MUST_USE enum err record_retracted(struct broker *b, const struct request *r, const struct change *c,
                                   struct moment now);
/* Further people are asked. */
MUST_USE enum err record_asked(struct broker *b, const struct request *r,
                               const struct approval_step *step, struct moment now);
/* Something was recorded from seq `from` on and then not done. */
void record_undone(struct broker *b, uint64_t from, const char *why, struct moment now);
/* The same for what could not be said while the log was broken. */
void record_undone_again(struct broker *b, struct moment now);
/* A vote, claim or submission that was turned down. */
void record_turned_down(struct broker *b, const char *kind, uint64_t request, struct str who,
                        struct str why, struct moment now);
/* {"key": value, ...} of plain strings, for start, stop, policy and worker records. */
struct record_field {
    const char *key;
    struct str value;
};
MUST_USE enum err record_fields(struct broker *b, const char *kind, const struct record_field *f,
                                size_t n, struct moment now);

/* --- watch.c --------------------------------------------------------------------------------- */

void watch_tell(struct broker *b, enum broker_event_kind kind, uint64_t request,
                enum request_state state);

void broker_say(struct broker_error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
