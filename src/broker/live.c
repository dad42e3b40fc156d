#include "broker/internal.h"

#include <assert.h>
#include <stdlib.h>

/* The index of the first entry whose id is not below. */
static size_t lower_bound(const struct broker *b, uint64_t id)
{
    size_t low = 0, high = b->n_live;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (b->live[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct live *live_find(const struct broker *b, uint64_t id)
{
    size_t i = lower_bound(b, id);
    return i < b->n_live && b->live[i].id == id ? &b->live[i] : NULL;
}

struct live *live_by_hold(struct broker *b, uint32_t worker, uint64_t hold)
{
    for (size_t i = 0; i < b->n_live; i++)
        if (b->live[i].holding == HELD && b->live[i].worker == worker && b->live[i].hold == hold)
            return &b->live[i];
    return NULL;
}

static enum err make_room(struct broker *b)
{
    if (b->n_live < b->live_size)
        return ERR_OK;
    size_t size = b->live_size != 0 ? 2 * b->live_size : 64;
    struct live *p = realloc(b->live, size * sizeof(*p));
    if (p == NULL)
        return ERR_NOMEM;
    b->live = p;
    b->live_size = size;
    return ERR_OK;
}

enum err live_add(struct broker *b, const struct live *l, struct live **ret)
{
    TRY(make_room(b));
    size_t at = lower_bound(b, l->id);
    memmove(&b->live[at + 1], &b->live[at], (b->n_live - at) * sizeof(*l));
    b->live[at] = *l;
    b->n_live++;
    b->metrics.open[l->state]++;
    *ret = &b->live[at];
    return ERR_OK;
}

void live_remove(struct broker *b, uint64_t id)
{
    size_t at = lower_bound(b, id);
    if (at == b->n_live || b->live[at].id != id)
        return;
    b->metrics.open[b->live[at].state]--;
    b->n_live--;
    memmove(&b->live[at], &b->live[at + 1], (b->n_live - at) * sizeof(*b->live));
}

size_t live_count_subject(const struct broker *b, const struct digest *subject)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_live; i++)
        n += digest_eq(&b->live[i].subject, subject);
    return n;
}

void live_check(const struct broker *b, const struct live *l)
{
    assert(l->state == REQUEST_PENDING || l->state == REQUEST_APPROVED ||
           l->state == REQUEST_RUNNING);
    assert(l->holding != HELD || b->peers[l->worker].state == PEER_READY);
    assert(l->holding != HELD || l->hold != 0 || l->state == REQUEST_RUNNING);
    assert(l->holding != DETACHED || l->keep_on_disconnect || l->doomed != NULL);
    assert(l->state == REQUEST_RUNNING || l->deadline_mono_ns != INT64_MAX);
}

void live_check_row(const struct live *l, const struct store_request *q)
{
    assert(q->r.id == l->id && q->r.state == l->state);
    assert(digest_eq(&q->r.digest, &l->digest));
    assert(q->r.keep_on_disconnect == l->keep_on_disconnect);
}
