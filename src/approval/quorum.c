#include "approval/quorum.h"

/* Who is counted where, at one moment of the matching. */
struct matching {
    const struct quorum *q;
    quorum_admits_fn *admits;
    const void *ctx;
    struct {
        size_t voter, requirement;
    } places[LIMIT_APPROVALS];
    size_t n_places;
    uint32_t have[LIMIT_REQUIREMENTS];
};

/* One step of the search: `mover` would take a place of this requirement and leave the one it has
 * (NOWHERE for the person that is being added). */
enum { NOWHERE = LIMIT_REQUIREMENTS };
struct search {
    size_t queue[LIMIT_REQUIREMENTS], head, tail;
    bool seen[LIMIT_REQUIREMENTS];
    size_t mover[LIMIT_REQUIREMENTS];
    size_t leaves[LIMIT_REQUIREMENTS];
};

/* --- Quorums as values ----------------------------------------------------------------------- */

static int64_t wait_of(const struct requirement *r, size_t i)
{
    return r->after_ns != NULL ? r->after_ns[i] : 0;
}

static bool requirement_eq(const struct requirement *a, const struct requirement *b)
{
    if (a->count != b->count || a->n_from != b->n_from || a->stage != b->stage)
        return false;
    for (size_t i = 0; i < a->n_from; i++)
        if (!str_eq(a->from[i], b->from[i]) || wait_of(a, i) != wait_of(b, i))
            return false;
    return true;
}

static uint32_t rejects_of(const struct quorum *q)
{
    return q->rejects != 0 ? q->rejects : 1;
}

bool quorum_eq(const struct quorum *a, const struct quorum *b)
{
    if (a->n_reqs != b->n_reqs || rejects_of(a) != rejects_of(b) ||
        a->reason_to_approve != b->reason_to_approve)
        return false;
    for (size_t i = 0; i < a->n_reqs; i++)
        if (!requirement_eq(&a->reqs[i], &b->reqs[i]))
            return false;
    return true;
}

static bool requirement_well_formed(const struct requirement *r)
{
    if (r->count == 0 || r->n_from == 0 || r->n_later > r->n_from || wait_of(r, 0) != 0 ||
        r->stage >= LIMIT_REQUIREMENTS)
        return false;
    for (size_t i = 1; i < r->n_from; i++)
        if (wait_of(r, i) < wait_of(r, i - 1))
            return false;
    return true;
}

bool quorum_well_formed(const struct quorum *q)
{
    uint64_t total = 0, names = 0;
    if (q->n_reqs == 0 || q->n_reqs > LIMIT_REQUIREMENTS)
        return false;
    for (size_t i = 0; i < q->n_reqs; i++) {
        if (!requirement_well_formed(&q->reqs[i]))
            return false;
        total += q->reqs[i].count;
        names += q->reqs[i].n_from;
    }
    return total <= LIMIT_APPROVALS && names <= LIMIT_QUORUM_NAMES;
}

bool requirement_asks(const struct requirement *r, struct str who)
{
    for (size_t i = 0; i + r->n_later < r->n_from; i++)
        if (str_eq(r->from[i], who))
            return true;
    return false;
}

bool requirement_admits(const struct requirement *r, const struct person *p)
{
    for (size_t i = 0; i + r->n_later < r->n_from; i++)
        if (person_is_or_belongs(p, r->from[i]))
            return true;
    return false;
}

/* --- The matching ---------------------------------------------------------------------------- */

static void search_from(struct search *s, const struct matching *m, size_t voter, size_t leaves)
{
    for (size_t r = 0; r < m->q->n_reqs; r++) {
        if (s->seen[r] || !m->admits(m->ctx, voter, r))
            continue;
        s->seen[r] = true;
        s->mover[r] = voter;
        s->leaves[r] = leaves;
        s->queue[s->tail++] = r;
    }
}

static void search_past(struct search *s, const struct matching *m, size_t r)
{
    for (size_t i = 0; i < m->n_places; i++)
        if (m->places[i].requirement == r)
            search_from(s, m, m->places[i].voter, r);
}

static bool has_room(const struct matching *m, size_t r)
{
    return m->have[r] < m->q->reqs[r].count;
}

static void move_to(struct matching *m, size_t voter, size_t requirement)
{
    for (size_t i = 0; i < m->n_places; i++)
        if (m->places[i].voter == voter) {
            m->places[i].requirement = requirement;
            return;
        }
    m->places[m->n_places].voter = voter;
    m->places[m->n_places++].requirement = requirement;
}

/* Everybody on the path to the free place moves up by one. */
static void shift_along(struct matching *m, const struct search *s, size_t free_at)
{
    m->have[free_at]++;
    for (size_t r = free_at; r != NOWHERE; r = s->leaves[r])
        move_to(m, s->mover[r], r);
}

static void count_voter(struct matching *m, size_t voter)
{
    struct search s = {0};
    search_from(&s, m, voter, NOWHERE);
    while (s.head < s.tail) {
        size_t r = s.queue[s.head++];
        if (has_room(m, r)) {
            shift_along(m, &s, r);
            return;
        }
        search_past(&s, m, r);
    }
}

static void match(struct matching *m, size_t n)
{
    for (size_t i = 0; i < n && m->n_places < LIMIT_APPROVALS; i++)
        count_voter(m, i);
}

struct tally quorum_tally_of(const struct quorum *q, size_t n, quorum_admits_fn *admits,
                             const void *ctx)
{
    struct tally t = {0};
    struct matching m = {.q = q, .admits = admits, .ctx = ctx};
    if (!quorum_well_formed(q))
        return t;
    match(&m, n);
    t.met = true;
    for (size_t i = 0; i < q->n_reqs; i++) {
        t.have[i] = m.have[i];
        t.met = t.met && m.have[i] >= q->reqs[i].count;
    }
    return t;
}

uint32_t quorum_helped_by(const struct quorum *q, size_t n, quorum_admits_fn *admits,
                          const void *ctx)
{
    struct matching m = {.q = q, .admits = admits, .ctx = ctx};
    struct search s = {0};
    uint32_t helped = 0;
    if (!quorum_well_formed(q))
        return 0;
    match(&m, n);
    search_from(&s, &m, n, NOWHERE);
    while (s.head < s.tail) {
        size_t r = s.queue[s.head++];
        if (has_room(&m, r))
            helped |= UINT32_C(1) << r;
        search_past(&s, &m, r);
    }
    return helped;
}

struct by_person {
    const struct quorum *q;
    const struct person *const *who;
};

static bool admits_person(const void *ctx, size_t voter, size_t requirement)
{
    const struct by_person *b = ctx;
    return requirement_admits(&b->q->reqs[requirement], b->who[voter]);
}

struct tally quorum_tally(const struct quorum *q, const struct person *const *who, size_t n)
{
    struct by_person b = {q, who};
    return quorum_tally_of(q, n, admits_person, &b);
}
