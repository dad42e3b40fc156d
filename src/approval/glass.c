#include "approval/glass.h"

#include "base/clock.h"
#include "base/limits.h"

static bool is_named(const struct break_glass *g, const struct person *p)
{
    for (size_t i = 0; i < g->n_who; i++)
        if (person_is_or_belongs(p, g->who[i]))
            return true;
    return false;
}

enum glass_answer glass_may_try(const struct break_glass *g, const struct people *people,
                                const struct glass_facts *f)
{
    const struct person *p = people_find(people, f->person);
    if (p == NULL || p->disabled || g->factors == 0 || !is_named(g, p))
        return GLASS_NOT_ALLOWED;
    if (!approval_is_own(f->request, people, p))
        return GLASS_NOT_OWN;
    if (f->request->state != REQUEST_PENDING)
        return GLASS_NOT_PENDING;
    if (f->review_overdue)
        return GLASS_REVIEW_OVERDUE;
    if (f->now_wall_ns < f->locked_until_wall_ns)
        return GLASS_LOCKED;
    return GLASS_ACCEPTED;
}

const char *glass_answer_text(enum glass_answer a)
{
    switch (a) {
    case GLASS_ACCEPTED:
        return "accepted";
    case GLASS_NOT_ALLOWED:
        return "you are not among those who may break the glass (`break_glass:`)";
    case GLASS_NOT_OWN:
        return "only its own requester breaks the glass";
    case GLASS_NOT_PENDING:
        return "the request is no longer pending";
    case GLASS_REVIEW_OVERDUE:
        return "the review of your last break-glass is overdue: somebody else must do it first (countersign review)";
    case GLASS_LOCKED:
        return "too many wrong codes: wait before you try again";
    case GLASS_WRONG_CODE:
        return "the code is wrong, or was used before";
    }
    return "refused";
}

struct glass_tries glass_after_failure(const struct glass_tries *t, int64_t now_wall_ns)
{
    struct glass_tries next = {t->failures + (t->failures < UINT32_MAX), 0};
    if (next.failures < LIMIT_GLASS_TRIES)
        return next;
    uint32_t doublings = next.failures - LIMIT_GLASS_TRIES;
    int64_t lock = LIMIT_GLASS_LOCK_NS;
    for (uint32_t i = 0; i < doublings && lock < LIMIT_GLASS_LOCK_MAX_NS; i++)
        lock *= 2;
    next.locked_until_wall_ns = now_wall_ns + (lock < LIMIT_GLASS_LOCK_MAX_NS ? lock : LIMIT_GLASS_LOCK_MAX_NS);
    return next;
}

bool glass_may_review(const struct approval *request, const struct people *people, struct str person)
{
    const struct person *p = people_find(people, person);
    struct approval afresh = *request;
    if (p == NULL || p->disabled || approval_is_own(request, people, p))
        return false;
    afresh.state = REQUEST_PENDING;
    afresh.n_votes = 0;
    return p->admin || approval_may_vote(&afresh, people, person) == APPROVAL_ACCEPTED;
}
