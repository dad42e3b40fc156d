/* Terms of a COMMIT: the decisions about the statements that ran in its transaction, taken together. */
#include "gate/gate_internal.h"

#include <stdlib.h>

struct commit_terms {
    struct arena arena;
    struct config *config; /* whose names the decision views */
    struct decision d;
};

/* --- Copies ---------------------------------------------------------------------------------- */

static enum err copy_matched(struct arena *a, const struct matched_guardrail *from, size_t n,
                             struct matched_guardrail *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        TRY(arena_str(a, from[i].name, &to[i].name));
        TRY(arena_str(a, from[i].message, &to[i].message));
        TRY(arena_str(a, from[i].why, &to[i].why));
    }
    return ERR_OK;
}

static enum err copy_requirement(struct arena *a, const struct requirement *from, struct requirement *to)
{
    struct str *names = arena_new_array(a, from->n_from, struct str);
    int64_t *waits = from->after_ns != NULL ? arena_new_array(a, from->n_from, int64_t) : NULL;
    if (names == NULL || (from->after_ns != NULL && waits == NULL))
        return ERR_NOMEM;
    *to = *from;
    for (size_t i = 0; i < from->n_from; i++) {
        TRY(arena_str(a, from->from[i], &names[i]));
        if (waits != NULL)
            waits[i] = from->after_ns[i];
    }
    to->from = names;
    to->after_ns = waits;
    return ERR_OK;
}

/* --- Joining --------------------------------------------------------------------------------- */

static bool same_people(const struct requirement *a, const struct requirement *b)
{
    if (a->n_from != b->n_from || a->stage != b->stage || (a->after_ns == NULL) != (b->after_ns == NULL))
        return false;
    for (size_t i = 0; i < a->n_from; i++)
        if (!str_eq(a->from[i], b->from[i]) || (a->after_ns != NULL && a->after_ns[i] != b->after_ns[i]))
            return false;
    return true;
}

/* By rising stage, as a request wants them. */
static void sort_stages(struct requirement *r, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && r[k].stage < r[k - 1].stage; k--) {
            struct requirement x = r[k];
            r[k] = r[k - 1];
            r[k - 1] = x;
        }
}

static enum err join_quorum(struct arena *a, struct quorum *into, const struct quorum *from)
{
    struct requirement *all = arena_new_array(a, into->n_reqs + from->n_reqs, struct requirement);
    size_t n = into->n_reqs, total = 0;
    if (all == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        all[i] = into->reqs[i];
    for (size_t i = 0; i < from->n_reqs; i++) {
        size_t k = 0;
        while (k < n && !same_people(&all[k], &from->reqs[i]))
            k++;
        if (k == n)
            TRY(copy_requirement(a, &from->reqs[i], &all[n++]));
        else if (from->reqs[i].count > all[k].count)
            all[k].count = from->reqs[i].count;
    }
    for (size_t i = 0; i < n; i++)
        total += all[i].count;
    if (n > LIMIT_REQUIREMENTS || total > LIMIT_APPROVALS)
        return ERR_LIMIT;
    sort_stages(all, n);
    uint32_t x = into->rejects != 0 ? into->rejects : 1, y = from->rejects != 0 ? from->rejects : 1;
    *into = (struct quorum){.reqs = all,
                            .n_reqs = n,
                            .rejects = into->n_reqs == 0 || y < x ? y : x,
                            .reason_to_approve = into->reason_to_approve || from->reason_to_approve};
    return ERR_OK;
}

static bool knows(const struct decision *d, const struct matched_guardrail *m)
{
    for (size_t i = 0; i < d->n_matched; i++)
        if (str_eq(d->matched[i].name, m->name))
            return true;
    return false;
}

static enum err join_matched(struct arena *a, struct decision *into, const struct decision *from)
{
    struct matched_guardrail *all = arena_new_array(a, into->n_matched + from->n_matched, struct matched_guardrail);
    size_t n = into->n_matched;
    if (all == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        all[i] = into->matched[i];
    for (size_t i = 0; i < from->n_matched; i++)
        if (!knows(into, &from->matched[i]))
            TRY(copy_matched(a, &from->matched[i], 1, &all[n++]));
    into->matched = all;
    into->n_matched = n;
    return ERR_OK;
}

/* Zero is not said. */
static int64_t shorter(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static enum err join(struct commit_terms *t, const struct decision *d)
{
    TRY(join_quorum(&t->arena, &t->d.quorum, &d->quorum));
    TRY(join_matched(&t->arena, &t->d, d));
    t->d.decide_within_ns = shorter(t->d.decide_within_ns, shorter(d->decide_within_ns, d->commit_within_ns));
    t->d.run_within_ns = shorter(t->d.run_within_ns, d->run_within_ns);
    if (d->signing > t->d.signing)
        t->d.signing = d->signing;
    return ERR_OK;
}

/* --- Terms ----------------------------------------------------------------------------------- */

enum err commit_terms_new(struct gate *g, const struct decision *d, struct commit_terms **ret)
{
    struct commit_terms *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ERR_NOMEM;
    arena_init(&t->arena, MIB);
    t->config = config_ref(g->config);
    /* Nobody comes back for a transaction that is gone. */
    t->d = (struct decision){.verdict = VERDICT_HOLD, .at_commit = true, .on_disconnect = ON_DISCONNECT_WITHDRAW,
                             .signing = VOTES_MAY_BE_SIGNED};
    enum err e = join(t, d);
    if (e != ERR_OK) {
        commit_terms_free(t);
        return e;
    }
    *ret = t;
    return ERR_OK;
}

void commit_terms_free(struct commit_terms *t)
{
    if (t == NULL)
        return;
    arena_done(&t->arena);
    config_unref(t->config);
    free(t);
}

enum err commit_terms_join(struct commit_terms *into, struct commit_terms *from)
{
    enum err e = join(into, &from->d);
    commit_terms_free(from);
    return e;
}

const struct decision *commit_terms_decision(const struct commit_terms *t)
{
    return &t->d;
}
