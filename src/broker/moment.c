#include "broker/internal.h"

#include <stdlib.h>

/* Who is who at this moment: delegations that are in force, and who is on duty. */

struct moment_lists {
    struct arena arena; /* of `stored` */
    const struct store_delegation *stored;
    size_t n_stored;
    struct delegation delegations[LIMIT_DELEGATIONS];
    struct duty duties[LIMIT_DUTIES];
    size_t n_duties;
    int64_t duty_second; /* of which the duties are; a shift begins and ends on a second */
    const struct duty_group *duty_of;
    int64_t next_wall_ns, set_wall_ns, set_mono_ns;
};

static int64_t sooner(int64_t a, int64_t b, int64_t now)
{
    return b > now && b < a ? b : a;
}

static void set_delegations(struct broker *b, struct moment now)
{
    struct moment_lists *m = b->lists;
    for (size_t i = 0; i < m->n_stored; i++) {
        const struct store_delegation *d = &m->stored[i];
        m->delegations[i] = (struct delegation){d->from, d->to, d->until_wall_ns > now.wall_ns};
        m->next_wall_ns = sooner(m->next_wall_ns, d->until_wall_ns, now.wall_ns);
    }
    b->people.delegations = m->delegations;
    b->people.n_delegations = m->n_stored;
}

static void put_duty(struct moment_lists *m, struct str person, struct str group)
{
    for (size_t i = 0; i < m->n_duties; i++)
        if (str_eq(m->duties[i].person, person) && str_eq(m->duties[i].group, group))
            return;
    if (m->n_duties < LIMIT_DUTIES)
        m->duties[m->n_duties++] = (struct duty){person, group};
}

static void set_duties(struct broker *b, struct moment now)
{
    struct moment_lists *m = b->lists;
    const struct duty_groups *groups = &b->policy.duty;
    int64_t second = now.wall_ns / NS_PER_S;
    if (m->duty_second != second || m->duty_of != groups->list) {
        m->n_duties = 0;
        for (size_t g = 0; g < groups->n; g++) {
            const struct str *names = NULL;
            size_t n = hooks_people(b, g, &names);
            for (size_t i = 0; i < n; i++)
                put_duty(m, names[i], groups->list[g].name);
            for (size_t i = 0; i < groups->list[g].n_shifts; i++)
                if (ical_is_on(groups->list[g].shifts[i].event, second))
                    put_duty(m, groups->list[g].shifts[i].person, groups->list[g].name);
        }
        m->duty_second = second;
        m->duty_of = groups->list;
    }
    b->people.duties = m->duties;
    b->people.n_duties = m->n_duties;
}

void moment_duties_changed(struct broker *b)
{
    if (b->lists != NULL)
        b->lists->duty_second = -1;
}

void moment_set(struct broker *b, struct moment now)
{
    b->people = *b->policy.people;
    if (b->lists == NULL)
        return;
    b->lists->next_wall_ns = INT64_MAX;
    b->lists->set_wall_ns = now.wall_ns;
    b->lists->set_mono_ns = now.mono_ns;
    set_delegations(b, now);
    set_duties(b, now);
}

int64_t moment_next(const struct broker *b)
{
    const struct moment_lists *m = b->lists;
    if (m == NULL || m->next_wall_ns == INT64_MAX)
        return INT64_MAX;
    int64_t away = m->next_wall_ns - m->set_wall_ns;
    return away > INT64_MAX - m->set_mono_ns ? INT64_MAX : m->set_mono_ns + away;
}

enum err moment_load(struct broker *b, struct moment now)
{
    struct store_delegation *list;
    size_t n;
    struct moment_lists *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    arena_init(&m->arena, 16 * MIB);
    enum err e = store_said(b, store_delegation_list(b->store, now.wall_ns - LIMIT_DELEGATION_KEPT_NS,
                                                     &m->arena, &list, &n));
    if (e != ERR_OK) {
        arena_done(&m->arena);
        free(m);
        return e;
    }
    m->stored = list;
    m->n_stored = n;
    moment_free(b);
    b->lists = m;
    moment_set(b, now);
    return ERR_OK;
}

void moment_free(struct broker *b)
{
    if (b->lists == NULL)
        return;
    arena_done(&b->lists->arena);
    free(b->lists);
    b->lists = NULL;
}

/* --- On a vote ------------------------------------------------------------------------------- */

static enum err put_word(struct buf *out, struct str word)
{
    TRY(buf_put_str(out, buf_len(out) != 0 ? STR(" ") : STR("")));
    return buf_put_str(out, word);
}

enum err moment_stamp(struct broker *b, struct vote *v, struct arena *a)
{
    CLEANUP(buf_done) struct buf duty = {0}, stood = {0};
    buf_init(&duty, LIMIT_API_BODY);
    buf_init(&stood, LIMIT_API_BODY);
    for (size_t i = 0; i < b->people.n_duties; i++)
        if (str_eq(b->people.duties[i].person, v->person))
            TRY(put_word(&duty, b->people.duties[i].group));
    for (size_t i = 0; i < b->people.n_delegations; i++)
        if (b->people.delegations[i].active && str_eq(b->people.delegations[i].to, v->person))
            TRY(put_word(&stood, b->people.delegations[i].from));
    TRY(arena_str(a, buf_view(&duty), &v->on_duty));
    return arena_str(a, buf_view(&stood), &v->stood_for);
}
