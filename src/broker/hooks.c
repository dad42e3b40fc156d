#include "broker/internal.h"

#include "base/log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Groups that a webhook knows. Each is asked every `refresh`; what it said last counts for `stale`, and
 * after that nobody is on duty (fail closed), which is recorded once.
 *
 *   asked --answer names people--> known --refresh--> asked
 *     |-----anything else--------> as before, until it is stale
 */

struct hook {
    uint64_t number;      /* of the question under way; 0: none */
    bool asked, known;
    int64_t asked_mono_ns, known_mono_ns;
    struct str people[LIMIT_HOOK_PEOPLE]; /* canonical, of the configuration in force */
    size_t n;
};

static const struct duty_group *group_of(const struct broker *b, size_t i)
{
    return &b->policy.duty.list[i];
}

void hooks_reset(struct broker *b)
{
    free(b->hooks);
    b->hooks = b->policy.duty.n != 0 ? calloc(b->policy.duty.n, sizeof(*b->hooks)) : NULL;
}

static void say(struct broker *b, const char *kind, size_t i, const char *key, struct str value,
                struct moment now)
{
    struct record_field f[] = {{"group", group_of(b, i)->name}, {key, value}};
    enum err e = record_fields(b, kind, f, ARRAY_LEN(f), now);
    (void)e; /* what is decided by it has a record that must succeed */
}

static void forget_stale(struct broker *b, size_t i, struct moment now)
{
    struct hook *h = &b->hooks[i];
    if (!h->known || now.mono_ns - h->known_mono_ns < group_of(b, i)->stale_ns)
        return;
    h->known = false;
    h->n = 0;
    moment_duties_changed(b);
    log_warn("nobody is on duty in %.*s: its webhook has not said who for too long",
             STR_FMT(group_of(b, i)->name));
    say(b, "duty_unknown", i, "why", STR("the webhook has not said who for too long"), now);
}

static int64_t due_of(const struct broker *b, size_t i)
{
    const struct hook *h = &b->hooks[i];
    if (h->number != 0)
        return INT64_MAX;
    return h->asked ? h->asked_mono_ns + group_of(b, i)->refresh_ns : 0;
}

int64_t hooks_next(const struct broker *b)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; b->hooks != NULL && i < b->policy.duty.n; i++) {
        if (group_of(b, i)->webhook.n == 0)
            continue;
        int64_t due = due_of(b, i), stale = b->hooks[i].known_mono_ns + group_of(b, i)->stale_ns;
        next = due < next ? due : next;
        if (b->hooks[i].known && stale < next)
            next = stale;
    }
    return next;
}

void hooks_tick(struct broker *b, struct moment now)
{
    for (size_t i = 0; b->hooks != NULL && i < b->policy.duty.n; i++) {
        struct hook *h = &b->hooks[i];
        if (group_of(b, i)->webhook.n == 0)
            continue;
        forget_stale(b, i, now);
        if (due_of(b, i) > now.mono_ns || b->ops.fetch == NULL)
            continue;
        h->asked = true;
        h->asked_mono_ns = now.mono_ns;
        h->number = ++b->last_fetch;
        if (b->ops.fetch(b->ctx, h->number, group_of(b, i)->webhook, STR("")) != ERR_OK)
            h->number = 0; /* tried again at the next refresh */
    }
}

/* ["ana", "bo"] or {"people": ["ana", "bo"]}; names nobody has are left out. False: it is neither. */
static bool read_people(struct broker *b, struct str body, struct hook *h)
{
    json_t *v = json_loadb(body.p != NULL ? body.p : "", body.n, 0, NULL);
    const json_t *list = json_is_object(v) ? json_object_get(v, "people") : v;
    bool good = json_is_array(list);
    h->n = good ? 0 : h->n;
    for (size_t i = 0; good && i < json_array_size(list) && h->n < LIMIT_HOOK_PEOPLE; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        const struct person *p = name != NULL ? people_by_account(b->policy.people, str_of(name)) : NULL;
        if (p != NULL)
            h->people[h->n++] = p->name;
    }
    json_decref(v);
    return good;
}

static void say_who(struct broker *b, size_t i, struct moment now)
{
    CLEANUP(buf_done) struct buf names = {0};
    enum err e = ERR_OK;
    buf_init(&names, LIMIT_API_BODY);
    for (size_t k = 0; k < b->hooks[i].n && e == ERR_OK; k++) {
        e = buf_put_str(&names, k != 0 ? STR(" ") : STR(""));
        if (e == ERR_OK)
            e = buf_put_str(&names, b->hooks[i].people[k]);
    }
    say(b, "duty", i, "people", buf_view(&names), now);
}

static bool same_people(const struct hook *a, const struct hook *b)
{
    if (a->known != b->known || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!str_eq(a->people[i], b->people[i]))
            return false;
    return true;
}

bool hooks_answered(struct broker *b, uint64_t number, const struct broker_fetched *a, struct moment now)
{
    for (size_t i = 0; b->hooks != NULL && i < b->policy.duty.n; i++) {
        struct hook *h = &b->hooks[i], before = *h;
        if (h->number != number)
            continue;
        h->number = 0;
        if (a->why != ERR_OK || a->status < 200 || a->status > 299 || !read_people(b, a->body, h)) {
            log_warn("the webhook of group %.*s did not say who is on duty (status %d%s%.*s)",
                     STR_FMT(group_of(b, i)->name), a->status, a->text.n != 0 ? ", " : "", STR_FMT(a->text));
            return true;
        }
        h->known = true;
        h->known_mono_ns = now.mono_ns;
        if (!same_people(&before, h))
            say_who(b, i, now);
        moment_duties_changed(b);
        moment_set(b, now);
        return true;
    }
    return false;
}

size_t hooks_people(const struct broker *b, size_t group, const struct str **ret)
{
    if (b->hooks == NULL || !b->hooks[group].known)
        return 0;
    *ret = b->hooks[group].people;
    return b->hooks[group].n;
}
