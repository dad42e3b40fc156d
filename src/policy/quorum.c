/*
 * Whether a quorum can be met at all: as many distinct people as there are approvals to give, each
 * belonging to what the approval asks for. A bipartite matching by augmenting paths (Kuhn): the
 * approvals, at most LIMIT_APPROVALS, are matched one by one.
 */
#include "policy/compile.h"

#include "base/nearest.h"

struct matching {
    const struct people *people;
    const struct approval_source *slots[LIMIT_APPROVALS]; /* one per approval to give */
    size_t n_slots;
    int *slot_of;   /* person → slot, -1 */
    bool *tried;    /* person, in the present search */
    size_t without; /* this person may not approve; people->n: all may */
};

/* Who is found when something happens: no check of today's people says anything about it. */
static bool is_open(const struct people *people, const struct approval_source *a)
{
    for (size_t i = 0; i < a->from.n; i++)
        if (from_is_expression(a->from.list[i]) || people_is_duty_group(people, a->from.list[i]))
            return true;
    return false;
}

static bool may_give(const struct person *p, const struct approval_source *a)
{
    for (size_t i = 0; i < a->from.n; i++)
        if (person_is_or_belongs(p, a->from.list[i]))
            return true;
    return false;
}

/* The depth is bounded by the number of slots: each level moves another one. */
static bool augment(struct matching *m, size_t slot)
{
    for (size_t i = 0; i < m->people->n; i++) {
        if (i == m->without || m->tried[i] || !may_give(&m->people->list[i], m->slots[slot]))
            continue;
        m->tried[i] = true;
        if (m->slot_of[i] < 0 || augment(m, (size_t)m->slot_of[i])) {
            m->slot_of[i] = (int)slot;
            return true;
        }
    }
    return false;
}

static bool reachable(struct matching *m, size_t without)
{
    m->without = without;
    for (size_t i = 0; i < m->people->n; i++)
        m->slot_of[i] = -1;
    for (size_t s = 0; s < m->n_slots; s++) {
        memset(m->tried, 0, m->people->n * sizeof(m->tried[0]));
        if (!augment(m, s))
            return false;
    }
    return true;
}

static bool group_exists(const struct people *people, struct str name)
{
    for (size_t i = 0; i < people->n; i++)
        if (person_is_or_belongs(&people->list[i], name))
            return true;
    return false;
}

static void check_from(struct loader *l, const struct people *people, const struct text_list *from)
{
    for (size_t i = 0; i < from->n; i++) {
        if (from_is_expression(from->list[i]) || people_is_duty_group(people, from->list[i]) ||
            group_exists(people, from->list[i]))
            continue;
        struct nearest s = nearest_to(from->list[i]);
        for (size_t k = 0; k < people->n; k++) {
            nearest_offer(&s, people->list[k].name);
            for (size_t g = 0; g < people->list[k].n_groups; g++)
                nearest_offer(&s, people->list[k].groups[g]);
        }
        struct str hint = problem_did_you_mean(l->problems, s.best);
        problem_error(l->problems, yaml_place(from->nodes[i]),
                      hint.n != 0 ? hint : STR("groups are what `people:` puts people into"),
                      "no person or group is called `%.*s`", STR_FMT(from->list[i]));
    }
}

static bool slots_fill(struct loader *l, const struct approvals_source *a, struct matching *m)
{
    uint64_t total = 0, names = 0;
    for (size_t i = 0; i < a->n; i++) {
        total += a->list[i].count;
        names += a->list[i].from.n;
    }
    if (names > LIMIT_QUORUM_NAMES) {
        problem_error(l->problems, yaml_place(a->at), STR("put people into a group"),
                      "more than %d names", LIMIT_QUORUM_NAMES);
        return false;
    }
    if (total > LIMIT_APPROVALS) {
        problem_error(l->problems, yaml_place(a->at), STR(""), "more than %d approvals in all",
                      LIMIT_APPROVALS);
        return false;
    }
    for (size_t i = 0; i < a->n; i++)
        for (uint32_t k = 0; k < a->list[i].count && !is_open(m->people, &a->list[i]); k++)
            m->slots[m->n_slots++] = &a->list[i];
    return true;
}

static size_t candidates(const struct matching *m, const struct approval_source *a)
{
    size_t n = 0;
    for (size_t i = 0; i < m->people->n; i++)
        n += may_give(&m->people->list[i], a);
    return n;
}

/* Why it cannot be met: one requirement alone, or all of them together. */
static void say_unreachable(struct loader *l, const struct approvals_source *a,
                            const struct matching *m)
{
    for (size_t i = 0; i < a->n; i++) {
        size_t n = candidates(m, &a->list[i]);
        if (n >= a->list[i].count || is_open(m->people, &a->list[i]))
            continue;
        problem_error(l->problems, yaml_place(a->list[i].from.nodes[0]),
                      STR("lower `count`, or add people to the group under `people:`"),
                      "needs %u approvals, but only %zu %s can give one", a->list[i].count, n,
                      n == 1 ? "person" : "people");
        return;
    }
    problem_error(l->problems, yaml_place(a->at),
                  STR("everybody counts once, whatever their groups: add people to the groups"),
                  "these approvals need %zu distinct people, and there are not that many",
                  m->n_slots);
}

static void check_without_each(struct loader *l, const struct approvals_source *a,
                               struct matching *m)
{
    for (size_t i = 0; i < m->people->n; i++) {
        bool concerned = false;
        for (size_t k = 0; k < a->n; k++)
            concerned = concerned || may_give(&m->people->list[i], &a->list[k]);
        if (!concerned || reachable(m, i))
            continue;
        problem_warning(l->problems, yaml_place(a->at),
                        STR("nobody approves their own requests: add another person"),
                        "nobody could approve what `%.*s` requests",
                        STR_FMT(m->people->list[i].name));
        return;
    }
}

static bool same_quorum(const struct approvals_source *a, const struct approvals_source *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct approval_source *x = &a->list[i], *y = &b->list[i];
        if (x->count != y->count || x->from.n != y->from.n)
            return false;
        for (size_t k = 0; k < x->from.n; k++)
            if (!str_eq(x->from.list[k], y->from.list[k]))
                return false;
    }
    return true;
}

/* True where an equal quorum was checked before; else remembers this one. */
static bool seen_before(struct loader *l, const struct approvals_source *a, struct quorum_cache *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (same_quorum(c->seen[i], a))
            return true;
    if (c->seen == NULL) {
        c->seen = arena_new_array(l->arena, LIMIT_QUORUM_CACHE, const struct approvals_source *);
        c->room = c->seen != NULL ? LIMIT_QUORUM_CACHE : 0;
    }
    if (c->n < c->room)
        c->seen[c->n++] = a;
    return false;
}

void quorum_check(struct loader *l, const struct people *people, const struct approvals_source *a,
                  struct quorum_cache *cache)
{
    struct matching m = {.people = people};
    size_t errors = l->problems->n_errors;
    if (seen_before(l, a, cache))
        return;
    for (size_t i = 0; i < a->n; i++)
        check_from(l, people, &a->list[i].from);
    if (l->problems->n_errors != errors || !slots_fill(l, a, &m))
        return;
    m.slot_of = arena_new_array(l->arena, people->n, int);
    m.tried = arena_new_array(l->arena, people->n, bool);
    if (m.slot_of == NULL || m.tried == NULL)
        l->out_of_memory = true;
    else if (!reachable(&m, people->n))
        say_unreachable(l, a, &m);
    else
        check_without_each(l, a, &m);
}
