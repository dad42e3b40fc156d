#include "approval/turns.h"

static int64_t wait_of(const struct requirement *r, size_t i)
{
    return r->after_ns != NULL ? r->after_ns[i] : 0;
}

static bool is_asked(const struct requirement *r)
{
    return r->n_later < r->n_from;
}

/* How many of the names still wait when the requirement has been asked for `waited` ns. */
static uint32_t later_after(const struct requirement *r, int64_t waited)
{
    uint32_t n = 0;
    while (n < r->n_from && wait_of(r, r->n_from - 1 - n) > waited)
        n++;
    return n;
}

void approval_first_asked(const struct quorum *q, uint32_t ret_n_later[static LIMIT_REQUIREMENTS])
{
    uint32_t first = UINT32_MAX;
    for (size_t i = 0; i < q->n_reqs && i < LIMIT_REQUIREMENTS; i++)
        if (q->reqs[i].stage < first)
            first = q->reqs[i].stage;
    for (size_t i = 0; i < q->n_reqs && i < LIMIT_REQUIREMENTS; i++) {
        const struct requirement *r = &q->reqs[i];
        ret_n_later[i] = r->stage == first ? later_after(r, 0) : (uint32_t)r->n_from;
    }
}

/* The lowest stage that has a requirement which is not met. A later one waits for it. The first
 * stages are counted alone, so that nobody is kept for a later one. */
static uint32_t present_stage(const struct hearing *h)
{
    const struct approval *a = h->a;
    struct voters v;
    struct requirement reqs[LIMIT_REQUIREMENTS];
    for (uint32_t stage = 0; stage < LIMIT_REQUIREMENTS; stage++) {
        struct quorum some = a->quorum;
        some.reqs = reqs;
        some.n_reqs = 0;
        for (size_t i = 0; i < a->quorum.n_reqs; i++)
            if (a->quorum.reqs[i].stage <= stage)
                reqs[some.n_reqs++] = a->quorum.reqs[i];
        if (some.n_reqs == 0)
            continue;
        voters_of(&v, h, &some, VOTE_APPROVE);
        if (!voters_tally(&v).met)
            return stage;
    }
    return LIMIT_REQUIREMENTS;
}

/* The requirements of the present stage that lack approvals: whose waits run. */
static void unmet(const struct hearing *h, bool ret[static LIMIT_REQUIREMENTS])
{
    struct voters v;
    const struct quorum *q = &h->a->quorum;
    voters_of(&v, h, q, VOTE_APPROVE);
    struct tally t = voters_tally(&v);
    for (size_t i = 0; i < q->n_reqs; i++)
        ret[i] = t.have[i] < q->reqs[i].count;
}

/* One round: what the present votes ask for. `fresh` was asked in this very step: its waits begin now. */
static bool advance_once(const struct hearing *h, int64_t now_mono_ns, struct requirement *reqs,
                         bool fresh[static LIMIT_REQUIREMENTS])
{
    const struct approval *a = h->a;
    bool lacks[LIMIT_REQUIREMENTS] = {false}, asks = false;
    uint32_t stage = present_stage(h);
    unmet(h, lacks);
    for (size_t i = 0; i < a->quorum.n_reqs; i++) {
        struct requirement *r = &reqs[i];
        uint32_t n = r->n_later;
        if (!is_asked(r) && r->stage <= stage) {
            n = later_after(r, 0);
            fresh[i] = true;
        } else if (is_asked(r) && !fresh[i] && n != 0 && lacks[i] && a->asked_mono_ns != NULL)
            n = later_after(r, now_mono_ns - a->asked_mono_ns[i]);
        if (n >= r->n_later)
            continue;
        r->n_later = n;
        asks = true;
    }
    return asks;
}

bool turns_advance(const struct hearing *h, int64_t now_mono_ns,
                   uint32_t ret_n_later[static LIMIT_REQUIREMENTS])
{
    struct requirement reqs[LIMIT_REQUIREMENTS];
    struct approval then = *h->a;
    struct hearing later = {&then, h->people, h->casting};
    bool fresh[LIMIT_REQUIREMENTS] = {false}, asks = false;
    if (!quorum_well_formed(&h->a->quorum))
        return false;
    for (size_t i = 0; i < then.quorum.n_reqs; i++)
        reqs[i] = h->a->quorum.reqs[i];
    then.quorum.reqs = reqs;
    /* Who is asked anew may have voted already, which may bring the next stage. Each round asks
     * somebody more, so there are no more of them than names. */
    while (advance_once(&later, now_mono_ns, reqs, fresh))
        asks = true;
    for (size_t i = 0; i < then.quorum.n_reqs; i++)
        ret_n_later[i] = reqs[i].n_later;
    return asks;
}

int64_t approval_next_due(const struct approval *a, const struct people *people)
{
    struct hearing h = {a, people, NULL};
    bool lacks[LIMIT_REQUIREMENTS] = {false};
    int64_t due = INT64_MAX;
    if (a->state != REQUEST_PENDING || a->asked_mono_ns == NULL || !quorum_well_formed(&a->quorum))
        return due;
    unmet(&h, lacks);
    for (size_t i = 0; i < a->quorum.n_reqs; i++) {
        const struct requirement *r = &a->quorum.reqs[i];
        if (!is_asked(r) || r->n_later == 0 || !lacks[i])
            continue;
        int64_t at = a->asked_mono_ns[i] + wait_of(r, r->n_from - r->n_later);
        due = at < due ? at : due;
    }
    return due;
}
