#include "source/pg/ring.h"
#include "base/limits.h"

#include <assert.h>
#include <stdlib.h>

static void entry_done(struct pg_ring *r, struct pg_entry *e)
{
    r->barriers -= e->barrier;
    pg_statement_unref(e->statement);
    pg_portal_unref(e->portal);
    sql_cached_unref(e->text);
    free(e->storage);
    *e = (struct pg_entry){0};
}

struct pg_entry *pg_ring_at(const struct pg_ring *r, size_t i)
{
    return &r->e[(r->head + i) & (r->size - 1)];
}

void pg_ring_done(struct pg_ring *r)
{
    while (pg_ring_count(r) > 0)
        pg_ring_pop(r);
    free(r->e);
    *r = (struct pg_ring){0};
}

static enum err grow(struct pg_ring *r)
{
    size_t n = pg_ring_count(r), size = r->size != 0 ? r->size * 2 : 8;
    if (n >= LIMIT_PG_IN_FLIGHT)
        return ERR_LIMIT;
    struct pg_entry *e = calloc(size, sizeof(*e));
    if (e == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        e[i] = *pg_ring_at(r, i);
    free(r->e);
    *r = (struct pg_ring){.e = e, .size = size, .unsent = r->unsent - r->head, .tail = n,
                          .barriers = r->barriers};
    return ERR_OK;
}

enum err pg_ring_push(struct pg_ring *r, enum pg_entry_type type, struct pg_entry **ret)
{
    if (pg_ring_count(r) == r->size)
        TRY(grow(r));
    struct pg_entry *e = &r->e[r->tail & (r->size - 1)];
    *e = (struct pg_entry){.type = type};
    r->tail++;
    *ret = e;
    return ERR_OK;
}

enum err pg_ring_insert(struct pg_ring *r, enum pg_entry_type type, struct pg_entry **ret)
{
    struct pg_entry *e;
    TRY(pg_ring_push(r, type, &e));
    size_t at = r->unsent; /* after: growing counts anew */
    while (at < r->tail - 1 && r->e[at & (r->size - 1)].type == type)
        at++;
    for (size_t i = r->tail - 1; i > at; i--)
        r->e[i & (r->size - 1)] = r->e[(i - 1) & (r->size - 1)];
    e = &r->e[at & (r->size - 1)];
    *e = (struct pg_entry){.type = type};
    *ret = e;
    return ERR_OK;
}

void pg_ring_pop(struct pg_ring *r)
{
    assert(r->tail > r->head);
    entry_done(r, pg_ring_at(r, 0));
    r->head++;
    if (r->unsent < r->head)
        r->unsent = r->head;
}

void pg_ring_set_barrier(struct pg_ring *r, struct pg_entry *e)
{
    r->barriers += !e->barrier;
    e->barrier = true;
}

void pg_ring_mark_sent(struct pg_ring *r)
{
    r->unsent = r->tail;
}

void pg_ring_mark_first_sent(struct pg_ring *r)
{
    assert(r->unsent < r->tail);
    r->unsent++;
}

void pg_ring_drop_unsent(struct pg_ring *r)
{
    while (r->tail > r->unsent) {
        r->tail--;
        entry_done(r, &r->e[r->tail & (r->size - 1)]);
    }
}

void pg_ring_remove(struct pg_ring *r, size_t i)
{
    size_t n = pg_ring_count(r);
    assert(i < n);
    entry_done(r, pg_ring_at(r, i));
    for (size_t k = i; k + 1 < n; k++)
        *pg_ring_at(r, k) = *pg_ring_at(r, k + 1);
    *pg_ring_at(r, n - 1) = (struct pg_entry){0};
    if (r->unsent > r->head + i)
        r->unsent--;
    r->tail--;
}
