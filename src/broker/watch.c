#include "broker/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum err broker_subscribe(struct broker *b, broker_event_fn *fn, void *ctx,
                          struct broker_subscription **ret)
{
    struct broker_subscription *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    *s = (struct broker_subscription){fn, ctx, b->subscriptions};
    b->subscriptions = s;
    *ret = s;
    return ERR_OK;
}

static void sweep(struct broker *b)
{
    struct broker_subscription **at = &b->subscriptions;
    while (*at != NULL) {
        struct broker_subscription *s = *at;
        if (s->fn != NULL) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        free(s);
    }
}

void broker_unsubscribe(struct broker *b, struct broker_subscription *s)
{
    if (s == NULL)
        return;
    s->fn = NULL;
    if (!b->giving_events)
        sweep(b);
}

void watch_tell(struct broker *b, enum broker_event_kind kind, uint64_t request,
                enum request_state state)
{
    struct broker_event e = {kind, request, state};
    b->giving_events = true;
    for (struct broker_subscription *s = b->subscriptions; s != NULL; s = s->next)
        if (s->fn != NULL)
            s->fn(s->ctx, &e);
    b->giving_events = false;
    sweep(b);
}

void broker_metrics(const struct broker *b, struct broker_metrics *ret)
{
    struct audit_counters a = audit_counters(b->audit);
    *ret = b->metrics;
    ret->audit_records = a.records;
    ret->audit_syncs = a.syncs;
    ret->audit_signed = a.covered;
    ret->audit_signing = audit_unsigned(b->audit) == NULL;
    ret->audit_healthy = audit_broken(b->audit) == NULL;
    ret->store_healthy = b->store_text[0] == '\0';
    ret->workers_ready = 0;
    for (size_t i = 0; i < LIMIT_WORKERS; i++)
        ret->workers_ready += b->peers[i].state == PEER_READY;
}

struct str broker_checkpoint(const struct broker *b)
{
    return audit_checkpoint(b->audit);
}

enum err broker_cosign(struct broker *b, uint64_t size, struct str lines)
{
    return audit_cosign(b->audit, size, lines);
}

bool broker_health(const struct broker *b, struct str *ret_why)
{
    const char *broken = audit_broken(b->audit);
    if (broken == NULL && b->store_text[0] != '\0')
        broken = b->store_text;
    *ret_why = str_of(broken != NULL ? broken : "");
    return broken == NULL;
}

bool broker_degraded(const struct broker *b, struct str *ret_why)
{
    const char *why = audit_unsigned(b->audit);
    if (why == NULL)
        why = audit_unretained(b->audit);
    *ret_why = str_of(why != NULL ? why : "");
    return why != NULL;
}

void broker_say(struct broker_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
}
