#include "approval/quorum.h"

/* Who is counted where, at one moment of the matching. */
struct matching {
    const struct quorum *q;
    struct {
        const struct person *person;
        size_t requirement;
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
    const struct person *mover[LIMIT_REQUIREMENTS];
    size_t leaves[LIMIT_REQUIREMENTS];
};

static bool requirement_eq(const struct requirement *a, const struct requirement *b)
{
    if (a->count != b->count || a->n_from != b->n_from)
        return false;
    for (size_t i = 0; i < a->n_from; i++)
        if (!str_eq(a->from[i], b->from[i]))
            return false;
    return true;
}

bool quorum_eq(const struct quorum *a, const struct quorum *b)
{
    if (a->n_reqs != b->n_reqs)
        return false;
    for (size_t i = 0; i < a->n_reqs; i++)
        if (!requirement_eq(&a->reqs[i], &b->reqs[i]))
            return false;
    return true;
}

bool quorum_well_formed(const struct quorum *q)
{
    uint64_t total = 0;
    if (q->n_reqs == 0 || q->n_reqs > LIMIT_REQUIREMENTS)
        return false;
    for (size_t i = 0; i < q->n_reqs; i++) {
        if (q->reqs[i].count == 0 || q->reqs[i].n_from == 0)
            return false;
        total += q->reqs[i].count;
    }
    return total <= LIMIT_APPROVALS;
}

bool requirement_admits(const struct requirement *r, const struct person *p)
{
    for (size_t i = 0; i < r->n_from; i++)
        if (person_is_or_belongs(p, r->from[i]))
            return true;
    return false;
}

bool quorum_admits(const struct quorum *q, const struct person *p)
{
    for (size_t i = 0; i < q->n_reqs; i++)
        if (requirement_admits(&q->reqs[i], p))
            return true;
    return false;
}

static void search_from(struct search *s, const struct quorum *q, const struct person *p,
                        size_t leaves)
{
    for (size_t r = 0; r < q->n_reqs; r++) {
        if (s->seen[r] || !requirement_admits(&q->reqs[r], p))
            continue;
        s->seen[r] = true;
        s->mover[r] = p;
        s->leaves[r] = leaves;
        s->queue[s->tail++] = r;
    }
}

static void move_to(struct matching *m, const struct person *p, size_t requirement)
{
    for (size_t i = 0; i < m->n_places; i++)
        if (m->places[i].person == p) {
            m->places[i].requirement = requirement;
            return;
        }
    m->places[m->n_places].person = p;
    m->places[m->n_places++].requirement = requirement;
}

/* Everybody on the path to the free place moves up by one. */
static void shift_along(struct matching *m, const struct search *s, size_t free_at)
{
    m->have[free_at]++;
    for (size_t r = free_at; r != NOWHERE; r = s->leaves[r])
        move_to(m, s->mover[r], r);
}

static void count_person(struct matching *m, const struct person *p)
{
    struct search s = {0};
    search_from(&s, m->q, p, NOWHERE);
    while (s.head < s.tail) {
        size_t r = s.queue[s.head++];
        if (m->have[r] < m->q->reqs[r].count) {
            shift_along(m, &s, r);
            return;
        }
        for (size_t i = 0; i < m->n_places; i++)
            if (m->places[i].requirement == r)
                search_from(&s, m->q, m->places[i].person, r);
    }
}

struct tally quorum_tally(const struct quorum *q, const struct person *const *who, size_t n)
{
    struct tally t = {0};
    struct matching m = {.q = q};
    if (!quorum_well_formed(q))
        return t;
    for (size_t i = 0; i < n && m.n_places < LIMIT_APPROVALS; i++)
        count_person(&m, who[i]);
    t.met = true;
    for (size_t i = 0; i < q->n_reqs; i++) {
        t.have[i] = m.have[i];
        t.met = t.met && m.have[i] >= q->reqs[i].count;
    }
    return t;
}
