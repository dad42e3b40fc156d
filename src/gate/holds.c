#include "gate/gate_internal.h"

#include <assert.h>
#include <stdlib.h>

/* Numbers are given in order, so their low bits spread them evenly. */
static struct hold **bucket_of(const struct hold_table *t, uint64_t number)
{
    return &t->bucket[number & (t->size - 1)];
}

static enum err grow(struct hold_table *t)
{
    struct hold_table larger = {.size = t->size != 0 ? t->size * 2 : 16, .n = t->n};
    larger.bucket = calloc(larger.size, sizeof(struct hold *));
    if (larger.bucket == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->size; i++)
        for (struct hold *h = t->bucket[i], *next; h != NULL; h = next) {
            struct hold **to = bucket_of(&larger, h->number);
            next = h->chain;
            h->chain = *to;
            *to = h;
        }
    free(t->bucket);
    *t = larger;
    return ERR_OK;
}

enum err hold_table_add(struct hold_table *t, struct hold *h)
{
    if (t->n == t->size)
        TRY(grow(t));
    struct hold **b = bucket_of(t, h->number);
    h->chain = *b;
    *b = h;
    t->n++;
    return ERR_OK;
}

struct hold *hold_table_find(const struct hold_table *t, uint64_t number)
{
    if (t->size == 0)
        return NULL;
    struct hold *h = *bucket_of(t, number);
    while (h != NULL && h->number != number)
        h = h->chain;
    return h;
}

void hold_table_remove(struct hold_table *t, const struct hold *h)
{
    struct hold **p = bucket_of(t, h->number);
    while (*p != h) {
        assert(*p != NULL);
        p = &(*p)->chain;
    }
    *p = h->chain;
    t->n--;
}

void hold_table_done(struct hold_table *t)
{
    assert(t->n == 0);
    free(t->bucket);
    *t = (struct hold_table){NULL, 0, 0};
}

void hold_list_append(struct hold_list *l, struct hold *h)
{
    h->next = NULL;
    h->prev = l->tail;
    if (l->tail != NULL)
        l->tail->next = h;
    else
        l->head = h;
    l->tail = h;
    l->n++;
}

void hold_list_remove(struct hold_list *l, struct hold *h)
{
    if (h->prev != NULL)
        h->prev->next = h->next;
    else
        l->head = h->next;
    if (h->next != NULL)
        h->next->prev = h->prev;
    else
        l->tail = h->prev;
    h->next = h->prev = NULL;
    l->n--;
}
