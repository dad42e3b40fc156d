#include "classify/parse_memory.h"

#include <postgres.h>

#include <nodes/memnodes.h>
#include <stdlib.h>

#include "base/limits.h"

struct block {
    struct block *before;
    char room[] __attribute__((aligned(16)));
};

struct parse_memory {
    MemoryContextData head; /* first: the library sees only this */
    char *next, *end;       /* what is free in the newest block */
    struct block *newest;   /* the oldest of them is kept */
    size_t size;            /* of the newest block's room */
};

/* Stands before what alloc gives; the context directly before it (utils/memutils.h, GetMemoryChunkContext). */
struct chunk {
    size_t size;
    MemoryContext context;
};

static struct parse_memory *of(MemoryContext c)
{
    return (struct parse_memory *)c;
}

static struct chunk *chunk_of(void *p)
{
    return (struct chunk *)p - 1;
}

static bool block_add(struct parse_memory *m, size_t size)
{
    struct block *b = malloc(sizeof(*b) + size);
    if (b == NULL)
        return false;
    b->before = m->newest;
    m->newest = b;
    m->size = size;
    m->next = b->room;
    m->end = b->room + size;
    return true;
}

/* The palloc family turns NULL into its out-of-memory error. */
static void *alloc(MemoryContext c, Size size)
{
    struct parse_memory *m = of(c);
    size_t need = ((size + 15) & ~(size_t)15) + sizeof(struct chunk);
    if (UNLIKELY(need > (size_t)(m->end - m->next))) {
        size_t twice = m->size * 2 < LIMIT_SQL_MEMORY_BLOCK ? m->size * 2 : LIMIT_SQL_MEMORY_BLOCK;
        if (need < size || !block_add(m, need > twice ? need : twice))
            return NULL;
    }
    struct chunk *k = (struct chunk *)m->next;
    m->next += need;
    k->size = need - sizeof(*k);
    k->context = c;
    return k + 1;
}

static void free_nothing(MemoryContext c, void *p)
{
    (void)c;
    (void)p;
}

static void *resize(MemoryContext c, void *p, Size size)
{
    size_t old = chunk_of(p)->size;
    if (size <= old)
        return p;
    void *grown = alloc(c, size);
    if (grown != NULL)
        memcpy(grown, p, old);
    return grown;
}

static void reset(MemoryContext c)
{
    struct parse_memory *m = of(c);
    while (m->newest->before != NULL) {
        struct block *b = m->newest;
        m->newest = b->before;
        free(b);
    }
    m->size = LIMIT_SQL_KEPT_MEMORY;
    m->next = m->newest->room;
    m->end = m->next + m->size;
}

static Size chunk_space(MemoryContext c, void *p)
{
    (void)c;
    return chunk_of(p)->size + sizeof(struct chunk);
}

static bool is_empty(MemoryContext c)
{
    struct parse_memory *m = of(c);
    return m->newest->before == NULL && m->next == m->newest->room;
}

/* The library deletes and counts only what hangs below its own contexts, and this does not. */
static const MemoryContextMethods methods = {
    .alloc = alloc,
    .free_p = free_nothing,
    .realloc = resize,
    .reset = reset,
    .get_chunk_space = chunk_space,
    .is_empty = is_empty,
};

struct parse_memory *parse_memory_new(void)
{
    struct parse_memory *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->head.type = T_GenerationContext; /* the kind of PostgreSQL's own that behaves most like it */
    m->head.methods = &methods;
    m->head.name = "parse";
    if (!block_add(m, LIMIT_SQL_KEPT_MEMORY)) {
        free(m);
        return NULL;
    }
    return m;
}

void parse_memory_free(struct parse_memory *m)
{
    if (m == NULL)
        return;
    reset(&m->head);
    free(m->newest);
    free(m);
}

void *parse_memory_context(struct parse_memory *m)
{
    return &m->head;
}

void parse_memory_reset(struct parse_memory *m)
{
    reset(&m->head);
}
