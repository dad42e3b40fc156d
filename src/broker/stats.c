/* How fast and how often people approve, by approver and by guardrail: approvals within seconds, again and
 * again, are a sign that nobody reads any more what they approve. */
#include "broker/internal.h"

#include <stdlib.h>

/* One vote under one name. */
struct sample {
    struct str name;
    enum vote_kind kind;
    int64_t took_ns;
};

static int by_name_and_time(const void *x, const void *y)
{
    const struct sample *a = x, *b = y;
    int order = str_cmp(a->name, b->name);
    if (order == 0) /* approvals first, so that their median is in their middle */
        order = (a->kind != VOTE_APPROVE) - (b->kind != VOTE_APPROVE);
    return order != 0 ? order : (a->took_ns > b->took_ns) - (a->took_ns < b->took_ns);
}

static struct broker_stat stat_of(const struct sample *s, size_t n)
{
    struct broker_stat r = {.name = s[0].name};
    for (size_t i = 0; i < n; i++) {
        if (s[i].kind != VOTE_APPROVE) {
            r.rejections++;
            continue;
        }
        r.approvals++;
        r.fast += s[i].took_ns < BROKER_FAST_NS;
    }
    r.median_ns = r.approvals != 0 ? s[r.approvals / 2].took_ns : 0;
    return r;
}

static enum err stats_of(struct sample *samples, size_t n, struct arena *a, const struct broker_stat **ret,
                         size_t *ret_n)
{
    struct broker_stat *list = arena_new_array(a, n, struct broker_stat);
    size_t kept = 0, from = 0;
    if (list == NULL)
        return ERR_NOMEM;
    if (n != 0)
        qsort(samples, n, sizeof(*samples), by_name_and_time);
    for (size_t i = 1; i <= n; i++)
        if (i == n || !str_eq(samples[i].name, samples[from].name)) {
            list[kept++] = stat_of(&samples[from], i - from);
            from = i;
        }
    *ret = list;
    *ret_n = kept;
    return ERR_OK;
}

static size_t count_names(struct str list)
{
    size_t n = list.n != 0;
    for (size_t i = 0; i < list.n; i++)
        n += list.p[i] == ',';
    return n;
}

static enum err by_guardrail(const struct store_vote_time *rows, size_t n, struct arena *a, struct broker_stats *ret)
{
    size_t most = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        most += count_names(rows[i].guardrails);
    struct sample *samples = arena_new_array(a, most, struct sample);
    if (samples == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        for (struct str rest = rows[i].guardrails, head; rest.n != 0 && at < most;) {
            head = rest;
            if (!str_cut(rest, ',', &head, &rest))
                rest = (struct str){NULL, 0};
            samples[at++] = (struct sample){str_trim(head), rows[i].kind, rows[i].took_ns};
        }
    return stats_of(samples, at, a, &ret->guardrails, &ret->n_guardrails);
}

enum err broker_stats(struct broker *b, int64_t since_wall_ns, struct arena *a, struct broker_stats *ret)
{
    struct store_vote_time *rows;
    struct broker_stats r = {.n_approvers = 0};
    size_t n;
    TRY(store_said(b, store_vote_times(b->store, since_wall_ns, a, &rows, &n)));
    struct sample *samples = arena_new_array(a, n, struct sample);
    if (samples == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        samples[i] = (struct sample){rows[i].person, rows[i].kind, rows[i].took_ns};
    TRY(stats_of(samples, n, a, &r.approvers, &r.n_approvers));
    TRY(by_guardrail(rows, n, a, &r));
    *ret = r;
    return ERR_OK;
}
