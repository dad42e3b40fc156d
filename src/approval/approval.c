#include "approval/approval.h"
#include "approval/quorum.h"

/* More approvals than this are not looked at: the quorum needs at most LIMIT_APPROVALS, and a person
 * whose vote is stored is never stored twice. */
enum { VOTERS_MAX = 4096 };

static bool is_person_or_account(const struct people *people, struct str name,
                                 const struct person *p)
{
    return name.n != 0 && (str_eq(name, p->name) || people_by_account(people, name) == p);
}

bool approval_is_own(const struct approval *a, const struct people *people, const struct person *p)
{
    return is_person_or_account(people, a->subject, p) ||
           is_person_or_account(people, a->person, p) ||
           is_person_or_account(people, a->on_behalf_of, p);
}

static bool has_voted(const struct approval *a, struct str person, enum vote_kind kind)
{
    for (size_t i = 0; i < a->n_votes; i++)
        if (a->votes[i].kind == kind && str_eq(a->votes[i].person, person))
            return true;
    return false;
}

/* The rights of one person, whatever was voted before. NULL in *ret where refused. */
static enum approval_answer rights_of(const struct approval *a, const struct people *people,
                                      struct str name, const struct person **ret)
{
    const struct person *p = people_find(people, name);
    *ret = NULL;
    if (p == NULL)
        return APPROVAL_UNKNOWN_PERSON;
    if (p->disabled)
        return APPROVAL_DISABLED_PERSON;
    if (approval_is_own(a, people, p))
        return APPROVAL_OWN_REQUEST;
    if (!quorum_admits(&a->quorum, p))
        return APPROVAL_NOT_APPROVER;
    *ret = p;
    return APPROVAL_ACCEPTED;
}

static bool add_distinct(const struct person **who, size_t *n, size_t room, const struct person *p)
{
    for (size_t i = 0; i < *n; i++)
        if (who[i] == p)
            return false;
    if (*n == room)
        return false;
    who[(*n)++] = p;
    return true;
}

/* The broker has verified every signature that a vote carries. */
static bool is_signed_enough(const struct approval *a, const struct vote *v)
{
    return !a->signed_votes || v->signature.n != 0;
}

/* True where the approvals given, with `more` (may be NULL), are enough under the rights in force
 * now: every vote is judged again, for its digest, its voter and the voter's groups. */
static bool quorum_is_met(const struct approval *a, const struct people *people,
                          const struct vote *more)
{
    const struct person *who[VOTERS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < a->n_votes + (more != NULL ? 1 : 0); i++) {
        const struct vote *v = i < a->n_votes ? &a->votes[i] : more;
        const struct person *p;
        if (v->kind == VOTE_APPROVE && digest_eq(&v->digest, &a->digest) && is_signed_enough(a, v) &&
            rights_of(a, people, v->person, &p) == APPROVAL_ACCEPTED)
            (void)add_distinct(who, &n, VOTERS_MAX, p);
    }
    return quorum_tally(&a->quorum, who, n).met;
}

enum approval_answer approval_may_vote(const struct approval *a, const struct people *people,
                                       struct str person)
{
    const struct person *p;
    if (a->state != REQUEST_PENDING)
        return APPROVAL_NOT_NOW;
    enum approval_answer answer = rights_of(a, people, person, &p);
    if (answer != APPROVAL_ACCEPTED)
        return answer;
    return has_voted(a, person, VOTE_APPROVE) ? APPROVAL_VOTED_ALREADY : APPROVAL_ACCEPTED;
}

bool approval_is_reachable(const struct approval *a, const struct people *people)
{
    const struct person *who[VOTERS_MAX];
    const struct person *p;
    size_t n = 0;
    for (size_t i = 0; i < people->n && n < VOTERS_MAX; i++)
        if (rights_of(a, people, people->list[i].name, &p) == APPROVAL_ACCEPTED)
            who[n++] = p;
    return quorum_tally(&a->quorum, who, n).met;
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

static struct approval_step on_vote(const struct approval *a, const struct people *people,
                                    const struct approval_event *e)
{
    const struct vote *v = e->vote;
    if (is_late(a, e))
        return late;
    if (!digest_eq(&v->digest, &a->digest))
        return refused(a, APPROVAL_OTHER_DIGEST);
    enum approval_answer answer = approval_may_vote(a, people, v->person);
    /* Who approved may still think better of it. */
    bool changed_mind = answer == APPROVAL_VOTED_ALREADY && v->kind == VOTE_REJECT;
    if (answer != APPROVAL_ACCEPTED && !changed_mind)
        return refused(a, answer);
    if (v->kind == VOTE_APPROVE && !is_signed_enough(a, v))
        return refused(a, APPROVAL_UNSIGNED);
    struct approval_step step = {.answer = APPROVAL_ACCEPTED, .next = a->state, .keep_vote = true};
    if (v->kind == VOTE_APPROVE) {
        step.make_grant = quorum_is_met(a, people, v);
        step.next = step.make_grant ? REQUEST_APPROVED : REQUEST_PENDING;
        return step;
    }
    if (v->kind != VOTE_REJECT)
        return refused(a, APPROVAL_NOT_NOW);
    step.next = REQUEST_REJECTED;
    return step;
}

static struct approval_step on_withdraw(const struct approval *a, const struct people *people,
                                        const struct approval_event *e)
{
    (void)a, (void)people, (void)e;
    return moved(REQUEST_WITHDRAWN);
}

static struct approval_step on_tick(const struct approval *a, const struct people *people,
                                    const struct approval_event *e)
{
    (void)people;
    return moved(is_late(a, e) ? REQUEST_EXPIRED : a->state);
}

static struct approval_step on_claim(const struct approval *a, const struct people *people,
                                     const struct approval_event *e)
{
    if (is_late(a, e))
        return late;
    if (!digest_eq(&e->digest, &a->digest))
        return refused(a, APPROVAL_OTHER_DIGEST);
    if (!quorum_is_met(a, people, NULL))
        return (struct approval_step){.answer = APPROVAL_RIGHTS_CHANGED,
                                      .next = REQUEST_WITHDRAWN};
    struct approval_step step = moved(REQUEST_RUNNING);
    step.use_grant = true;
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
                         [APPROVAL_WITHDRAW] = on_withdraw,
                         [APPROVAL_TICK] = on_tick,
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
