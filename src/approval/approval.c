#include "approval/approval.h"

#include "approval/turns.h"
#include "approval/voters.h"

/* True where the approvals given, with `more` (may be NULL), are enough under the rights in force
 * now: every vote is judged again, for its digest, its voter and the voter's groups. */
static bool quorum_is_met(const struct approval *a, const struct people *people,
                          const struct vote *more)
{
    struct hearing h = {a, people, more};
    struct voters v;
    voters_of(&v, &h, &a->quorum, VOTE_APPROVE);
    return voters_tally(&v).met;
}

static bool is_rejected(const struct approval *a, const struct people *people,
                        const struct vote *more)
{
    struct hearing h = {a, people, more};
    struct voters v;
    voters_of(&v, &h, &a->quorum, VOTE_REJECT);
    return v.n >= (a->quorum.rejects != 0 ? a->quorum.rejects : 1);
}

enum approval_answer approval_may_vote(const struct approval *a, const struct people *people,
                                       struct str person)
{
    struct hearing h = {a, people, NULL};
    const struct person *p;
    if (a->state != REQUEST_PENDING)
        return APPROVAL_NOT_NOW;
    enum approval_answer answer = voter_rights(&h, &a->quorum, person, NULL, &p);
    if (answer != APPROVAL_ACCEPTED)
        return answer;
    const struct vote *standing = approval_standing(a, person);
    return standing != NULL && standing->kind == VOTE_APPROVE ? APPROVAL_VOTED_ALREADY
                                                              : APPROVAL_ACCEPTED;
}

bool approval_is_reachable(const struct approval *a, const struct people *people)
{
    /* Who stands in for somebody adds nobody: the other could decide just as well. */
    struct people present = *people;
    present.n_delegations = 0;
    struct hearing h = {a, &present, NULL};
    struct requirement reqs[LIMIT_REQUIREMENTS];
    struct quorum all = quorum_all_asked(&a->quorum, reqs);
    struct voters v;
    voters_all(&v, &h, &all);
    return voters_tally(&v).met;
}

/* --- The table ------------------------------------------------------------------------------- */

static struct approval_step refused(const struct approval *a, enum approval_answer why)
{
    return (struct approval_step){.answer = why, .next = a->state};
}

static struct approval_step moved(enum request_state next)
{
    return (struct approval_step){.answer = APPROVAL_ACCEPTED, .next = next};
}

static bool is_late(const struct approval *a, const struct approval_event *e)
{
    return e->now_mono_ns >= a->deadline_mono_ns;
}

static const struct approval_step late = {.answer = APPROVAL_TOO_LATE, .next = REQUEST_EXPIRED};

/* Whom the step asks besides, with `more` (may be NULL) among the votes; and whether the votes are
 * enough then: who is asked anew may have voted already. */
static void ask_on(const struct approval *a, const struct people *people, const struct vote *more,
                   int64_t now_mono_ns, struct approval_step *step)
{
    struct hearing h = {a, people, more};
    struct requirement reqs[LIMIT_REQUIREMENTS];
    struct approval then = *a;
    step->asks = turns_advance(&h, now_mono_ns, step->n_later);
    for (size_t i = 0; i < a->quorum.n_reqs && i < LIMIT_REQUIREMENTS; i++) {
        reqs[i] = a->quorum.reqs[i];
        if (step->asks)
            reqs[i].n_later = step->n_later[i];
    }
    then.quorum.reqs = reqs;
    step->make_grant = quorum_is_met(&then, people, more);
    if (step->make_grant)
        step->next = REQUEST_APPROVED;
}

static enum approval_answer judge_vote(const struct approval *a, const struct people *people,
                                       const struct vote *v)
{
    struct hearing h = {a, people, v};
    const struct person *p;
    if (!digest_eq(&v->digest, &a->digest))
        return APPROVAL_OTHER_DIGEST;
    enum approval_answer answer = voter_rights(&h, &a->quorum, v->person, v, &p);
    if (answer != APPROVAL_ACCEPTED)
        return answer;
    const struct vote *standing = approval_standing(a, v->person);
    if (standing != NULL && standing->kind == v->kind)
        return APPROVAL_VOTED_ALREADY;
    if (!vote_signed_enough(a, v))
        return APPROVAL_UNSIGNED;
    if (v->kind == VOTE_APPROVE)
        return a->quorum.reason_to_approve && str_trim(v->reason).n == 0 ? APPROVAL_NO_REASON
                                                                         : APPROVAL_ACCEPTED;
    return v->kind == VOTE_REJECT ? APPROVAL_ACCEPTED : APPROVAL_NOT_NOW;
}

static struct approval_step on_vote(const struct approval *a, const struct people *people,
                                    const struct approval_event *e)
{
    const struct vote *v = e->vote;
    if (is_late(a, e))
        return late;
    enum approval_answer answer = judge_vote(a, people, v);
    if (answer != APPROVAL_ACCEPTED)
        return refused(a, answer);
    struct approval_step step = {.answer = APPROVAL_ACCEPTED, .next = a->state, .keep_vote = true};
    step.retract = approval_standing(a, v->person) != NULL;
    if (v->kind == VOTE_REJECT)
        step.next = is_rejected(a, people, v) ? REQUEST_REJECTED : a->state;
    else
        ask_on(a, people, v, e->now_mono_ns, &step);
    return step;
}

static struct approval_step on_retract(const struct approval *a, const struct people *people,
                                       const struct approval_event *e)
{
    (void)people;
    if (is_late(a, e))
        return late;
    if (approval_standing(a, e->vote->person) == NULL)
        return refused(a, APPROVAL_NO_VOTE);
    struct approval_step step = moved(a->state);
    step.retract = true;
    return step;
}

static struct approval_step on_withdraw(const struct approval *a, const struct people *people,
                                        const struct approval_event *e)
{
    (void)a, (void)people, (void)e;
    return moved(REQUEST_WITHDRAWN);
}

/* Of an approved request only the deadline runs. */
static struct approval_step on_tick(const struct approval *a, const struct people *people,
                                    const struct approval_event *e)
{
    struct approval_step step = moved(is_late(a, e) ? REQUEST_EXPIRED : a->state);
    if (step.next == REQUEST_PENDING)
        ask_on(a, people, NULL, e->now_mono_ns, &step);
    return step;
}

static struct approval_step on_claim(const struct approval *a, const struct people *people,
                                     const struct approval_event *e)
{
    if (is_late(a, e))
        return late;
    if (!digest_eq(&e->digest, &a->digest))
        return refused(a, APPROVAL_OTHER_DIGEST);
    if (!a->bypassed && !quorum_is_met(a, people, NULL))
        return (struct approval_step){.answer = APPROVAL_RIGHTS_CHANGED,
                                      .next = REQUEST_WITHDRAWN};
    struct approval_step step = moved(REQUEST_RUNNING);
    step.use_grant = true;
    return step;
}

/* The broker has judged the grants, or the second factor. */
static struct approval_step on_bypass(const struct approval *a, const struct people *people,
                                      const struct approval_event *e)
{
    (void)people;
    if (is_late(a, e))
        return late;
    if (!a->bypassed)
        return refused(a, APPROVAL_NOT_NOW);
    if (!digest_eq(&e->digest, &a->digest))
        return refused(a, APPROVAL_OTHER_DIGEST);
    struct approval_step step = moved(REQUEST_APPROVED);
    step.make_grant = true;
    return step;
}

static struct approval_step on_result(const struct approval *a, const struct people *people,
                                      const struct approval_event *e)
{
    (void)people;
    if (!request_may_become(a->state, e->result))
        return refused(a, APPROVAL_NOT_NOW);
    return moved(e->result);
}

static struct approval_step on_lost_run(const struct approval *a, const struct people *people,
                                        const struct approval_event *e)
{
    (void)a, (void)people, (void)e;
    return moved(REQUEST_UNKNOWN);
}

typedef struct approval_step rule(const struct approval *a, const struct people *people,
                                  const struct approval_event *e);

static rule *const rules[REQUEST_STATE_COUNT_][APPROVAL_EVENT_COUNT_] = {
    [REQUEST_PENDING] = {[APPROVAL_VOTE] = on_vote,
                         [APPROVAL_RETRACT] = on_retract,
                         [APPROVAL_WITHDRAW] = on_withdraw,
                         [APPROVAL_TICK] = on_tick,
                         [APPROVAL_BYPASS] = on_bypass,
                         [APPROVAL_LOST] = on_withdraw},
    [REQUEST_APPROVED] = {[APPROVAL_WITHDRAW] = on_withdraw,
                          [APPROVAL_TICK] = on_tick,
                          [APPROVAL_CLAIM] = on_claim,
                          [APPROVAL_LOST] = on_withdraw},
    [REQUEST_RUNNING] = {[APPROVAL_RESULT] = on_result, [APPROVAL_LOST] = on_lost_run},
};

struct approval_step approval_step(const struct approval *a, const struct people *people,
                                   const struct approval_event *e)
{
    if (a->state <= 0 || a->state >= REQUEST_STATE_COUNT_ || e->kind <= 0 ||
        e->kind >= APPROVAL_EVENT_COUNT_ || rules[a->state][e->kind] == NULL)
        return refused(a, APPROVAL_NOT_NOW);
    return rules[a->state][e->kind](a, people, e);
}
