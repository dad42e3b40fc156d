/*
 * The rules of approval: what may happen to a request, as one pure function from a state and an
 * event to an answer, the next state and what has to be done with it. No I/O, no clock, no memory of
 * its own: the broker carries the step out and writes it down.
 *
 *   state \ event   VOTE                  WITHDRAW   TICK      CLAIM            RESULT     LOST
 *   pending         pending|approved|     withdrawn  (expired) -                -          withdrawn
 *                   rejected|(expired)
 *   approved        -                     withdrawn  (expired) running|         -          withdrawn
 *                                                              expired|withdrawn
 *   running         -                     -          -         -                the result unknown
 *
 * What is not in the table is refused (APPROVAL_NOT_NOW) and changes nothing.
 */
#pragma once

#include "base/arena.h"
#include "model/people.h"
#include "model/request.h"

/* What the rules need to know of a request. Views. */
struct approval {
    enum request_state state;
    struct digest digest;
    struct str subject, person, on_behalf_of;
    struct quorum quorum;
    bool signed_votes; /* an approval without a signature does not count */
    const struct vote *votes;
    size_t n_votes;
    int64_t deadline_mono_ns; /* pending: to be decided by; approved: to be run by */
};

enum approval_event_kind {
    APPROVAL_VOTE = 1,
    APPROVAL_WITHDRAW,
    APPROVAL_TICK,
    APPROVAL_CLAIM,
    APPROVAL_RESULT,
    APPROVAL_LOST, /* whoever held or ran it is gone */
    APPROVAL_EVENT_COUNT_
};

struct approval_event {
    enum approval_event_kind kind;
    int64_t now_mono_ns;
    const struct vote *vote;    /* VOTE */
    struct digest digest;       /* CLAIM */
    enum request_state result;  /* RESULT: completed, failed or unknown */
};

/* ACCEPTED is not zero: memory that was never written accepts nothing. */
enum approval_answer {
    APPROVAL_ACCEPTED = 0x6c9335ca,
    APPROVAL_NOT_NOW = 1,    /* not possible in this state */
    APPROVAL_TOO_LATE,       /* the deadline has passed; next is expired */
    APPROVAL_OTHER_DIGEST,   /* not what was submitted */
    APPROVAL_UNKNOWN_PERSON, /* nobody of that name is configured */
    APPROVAL_DISABLED_PERSON,
    APPROVAL_OWN_REQUEST,    /* requester, or the person the requester acts for */
    APPROVAL_NOT_APPROVER,   /* in no requirement's groups */
    APPROVAL_VOTED_ALREADY,
    APPROVAL_UNSIGNED,       /* the guardrail wants a signature */
    APPROVAL_RIGHTS_CHANGED, /* who approved may no longer; next is withdrawn */
};

struct approval_step {
    enum approval_answer answer;
    enum request_state next; /* also for a refused event: the state the request must now take */
    bool keep_vote;          /* the vote counts and is stored */
    bool make_grant;         /* next is approved: the right to run it once */
    bool use_grant;          /* next is running: consumes it */
};

struct approval_step approval_step(const struct approval *a, const struct people *people,
                                   const struct approval_event *e);

/* What a voter would be answered now, before the vote's digest and kind: ACCEPTED where p may vote. */
enum approval_answer approval_may_vote(const struct approval *a, const struct people *people,
                                       struct str person);

/* True for the requester, the person whose account the subject is, and the person it acts for. */
bool approval_is_own(const struct approval *a, const struct people *people, const struct person *p);

/* For people: "you cannot approve your own request". */
const char *approval_answer_text(enum approval_answer answer);

/* One requirement as it stands. */
struct approval_line {
    struct str text;                        /* "1 of dba" */
    uint32_t count, have;
    const struct person *const *candidates; /* who may still vote and would be admitted here */
    size_t n_candidates;
};

/* One line a requirement, in the arena. ERR_NOMEM. */
MUST_USE enum err approval_lines(const struct approval *a, const struct people *people,
                                 struct arena *arena, const struct approval_line **ret,
                                 size_t *ret_n);

/* What is missing, for people: "1 of dba (ana, bo) and 1 of leads (bo)"; empty where nothing is. */
MUST_USE enum err approval_missing_text(const struct approval *a, const struct people *people,
                                        struct arena *arena, struct str *ret);

/* True where those who may vote are enough. A request nobody can approve is refused at once. */
bool approval_is_reachable(const struct approval *a, const struct people *people);
