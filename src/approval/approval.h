/*
 * The rules of approval: what may happen to a request, as one pure function from a state and an
 * event to an answer, the next state and what has to be done with it. No I/O, no clock, no memory of
 * its own: the broker carries the step out and writes it down.
 *
 *   state \ event   VOTE                  RETRACT   WITHDRAW   TICK      CLAIM            RESULT     LOST
 *   pending         pending|approved|     pending   withdrawn  pending|  -                -          withdrawn
 *                   rejected|(expired)                         approved|
 *                                                              (expired)
 *   approved        -                     -         withdrawn  (expired) running|         -          withdrawn
 *                                                                        expired|withdrawn
 *   running         -                     -         -          -         -                the result unknown
 *
 * What is not in the table is refused (APPROVAL_NOT_NOW) and changes nothing.
 *
 * A person has one standing vote at most. Until the request is decided it may be taken back, or
 * replaced by one of the other kind. So many standing rejections as the quorum says end the request.
 *
 * Whom to ask is part of the state (n_later of each requirement, model/quorum.h): a vote may open
 * the next stage, and a TICK asks those whose wait is over; where they have voted already, that may be
 * the approval. approval_next_due says when one is due.
 *
 * Rights are judged at the vote and again at the claim. What a voter was by the hour (on call, in
 * somebody's place) is kept with the vote and judged as it was then; what the configuration says and
 * what has been revoked is judged as it is now.
 */
#pragma once

#include "base/arena.h"
#include "base/limits.h"
#include "model/people.h"
#include "model/request.h"

/* What the rules need to know of a request. Views. */
struct approval {
    enum request_state state;
    struct digest digest;
    struct str subject, person, on_behalf_of;
    struct quorum quorum;
    bool bypassed;     /* released without its quorum: by standing grants, or by break-glass */
    bool signed_votes; /* an approval without a signature does not count */
    const struct vote *votes;
    size_t n_votes;
    int64_t deadline_mono_ns; /* pending: to be decided by; approved: to be run by */
    const int64_t *asked_mono_ns; /* for each requirement that was asked, since when; NULL: nobody
                                     waits for anything but a stage */
};

enum approval_event_kind {
    APPROVAL_VOTE = 1,
    APPROVAL_RETRACT, /* `vote` has the person; its other members are not read */
    APPROVAL_WITHDRAW,
    APPROVAL_TICK,
    APPROVAL_CLAIM,
    APPROVAL_RESULT,
    APPROVAL_BYPASS, /* standing grants cover it, or its requester broke the glass */
    APPROVAL_LOST, /* whoever held or ran it is gone */
    APPROVAL_EVENT_COUNT_
};

struct approval_event {
    enum approval_event_kind kind;
    int64_t now_mono_ns;
    const struct vote *vote;    /* VOTE, RETRACT */
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
    APPROVAL_NOT_ASKED_YET, /* in a requirement whose stage or wait has not come */
    APPROVAL_VOTED_ALREADY,
    APPROVAL_UNSIGNED,       /* the guardrail wants a signature */
    APPROVAL_NO_REASON,     /* this request asks its approvers for one */
    APPROVAL_NO_VOTE,       /* nothing to take back */
    APPROVAL_RIGHTS_CHANGED, /* who approved may no longer; next is withdrawn */
};

struct approval_step {
    enum approval_answer answer;
    enum request_state next; /* also for a refused event: the state the request must now take */
    bool keep_vote;          /* the vote counts and is stored */
    bool retract;            /* the person's standing vote no longer stands */
    bool asks;               /* more people are asked: n_later is written back */
    uint32_t n_later[LIMIT_REQUIREMENTS]; /* where asks; of every requirement */
    bool make_grant;         /* next is approved: the right to run it once */
    bool use_grant;          /* next is running: consumes it */
};

struct approval_step approval_step(const struct approval *a, const struct people *people,
                                   const struct approval_event *e);

/* What a voter would be answered now, before the vote's digest, reason and kind: ACCEPTED where the
 * person may vote. VOTED_ALREADY where one stands that approves. */
enum approval_answer approval_may_vote(const struct approval *a, const struct people *people,
                                       struct str person);

/* True for the requester, the person whose account the subject is, and the person it acts for. */
bool approval_is_own(const struct approval *a, const struct people *people, const struct person *p);

/* True where the quorum names the person, a group of theirs, or somebody they stand in for: now or in
 * a later stage, and whether or not they may vote. */
bool approval_names(const struct approval *a, const struct people *people, const struct person *p);

/* The person's standing vote, or NULL. */
const struct vote *approval_standing(const struct approval *a, struct str person);

/* Whom a new request asks first: fills n_later of q's requirements. */
void approval_first_asked(const struct quorum *q, uint32_t ret_n_later[static LIMIT_REQUIREMENTS]);

/* When the next people are due to be asked although nothing else happens, INT64_MAX: never. */
int64_t approval_next_due(const struct approval *a, const struct people *people);

/* For people: "you cannot approve your own request". */
const char *approval_answer_text(enum approval_answer answer);

/* One requirement as it stands. */
struct approval_line {
    struct str text;                        /* "1 of dba" */
    uint32_t count, have, stage;
    bool asked;                             /* false: its stage has not come */
    const struct person *const *candidates; /* whose approval would count towards this line: at once,
                                               or because somebody counted here moves up to another;
                                               of a later stage: who may then */
    size_t n_candidates;
    const struct str *later;                /* groups and people who are asked if it stays unmet */
    size_t n_later;
    int64_t later_mono_ns;                  /* when the next of them are; INT64_MAX: not known */
};

/* One line a requirement, in the arena. ERR_NOMEM. */
MUST_USE enum err approval_lines(const struct approval *a, const struct people *people,
                                 struct arena *arena, const struct approval_line **ret,
                                 size_t *ret_n);

/* What is missing, for people: "1 of dba (ana, bo) and 1 of sec (cy), then 1 of leads (di)"; empty
 * where nothing is. */
MUST_USE enum err approval_missing_text(const struct approval *a, const struct people *people,
                                        struct arena *arena, struct str *ret);

/* True where those who may vote, once all are asked, are enough. A request nobody can approve is
 * refused at once. */
bool approval_is_reachable(const struct approval *a, const struct people *people);

/* Why it is not, for people: "needs 2 of dba, but only 1 person besides the requester could approve
 * it (ana)". In the arena. */
MUST_USE enum err approval_unreachable_text(const struct approval *a, const struct people *people,
                                            struct arena *arena, struct str *ret);
