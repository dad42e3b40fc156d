#include "approval/quorum.h"

static bool same_people(const struct requirement *a, const struct requirement *b)
{
    struct requirement x = *a, y = *b;
    x.count = y.count = 1;
    struct quorum p = {.reqs = &x, .n_reqs = 1}, q = {.reqs = &y, .n_reqs = 1};
    return quorum_eq(&p, &q);
}

static enum err add(struct requirement *reqs, size_t *n, const struct requirement *r)
{
    for (size_t i = 0; i < *n; i++)
        if (same_people(&reqs[i], r)) {
            if (r->count > reqs[i].count)
                reqs[i].count = r->count;
            return ERR_OK;
        }
    if (*n == LIMIT_REQUIREMENTS)
        return ERR_LIMIT;
    reqs[(*n)++] = *r;
    return ERR_OK;
}

enum err quorum_merge(const struct quorum *const *list, size_t n, struct arena *a, struct quorum *ret)
{
    struct requirement *reqs = arena_new_array(a, LIMIT_REQUIREMENTS, struct requirement);
    struct quorum q = {.reqs = reqs};
    if (reqs == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < list[i]->n_reqs; k++)
            TRY(add(reqs, &q.n_reqs, &list[i]->reqs[k]));
    if (!quorum_well_formed(&q))
        return ERR_LIMIT;
    *ret = q;
    return ERR_OK;
}
