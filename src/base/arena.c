#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONING 1
#endif
#endif

#ifdef POISONING
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 16, FIRST_BLOCK = 4096, MAX_GROWTH = 256 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t size, used;
    _Alignas(ALIGN) char bytes[];
};

void arena_init(struct arena *a, size_t cap)
{
    *a = (struct arena){.cap = cap};
}

static void block_free(struct arena_block *b)
{
    UNPOISON(b->bytes, b->size);
    free(b);
}

void arena_done(struct arena *a)
{
    for (struct arena_block *b = a->head, *older; b != NULL; b = older) {
        older = b->older;
        block_free(b);
    }
    *a = (struct arena){.cap = a->cap};
}

void arena_reset(struct arena *a)
{
    struct arena_block *b = a->head;
    while (b != NULL && b->older != NULL) {
        struct arena_block *older = b->older;
        block_free(b);
        b = older;
    }
    if (b != NULL) {
        b->used = 0;
        POISON(b->bytes, b->size);
    }
    a->head = b;
    a->used = 0;
}

static struct arena_block *block_add(struct arena *a, size_t at_least)
{
    size_t size = a->head != NULL ? a->head->size * 2 : FIRST_BLOCK;
    if (size > MAX_GROWTH)
        size = MAX_GROWTH;
    if (size < at_least)
        size = at_least;
    struct arena_block *b = malloc(sizeof(*b) + size);
    if (b == NULL)
        return NULL;
    *b = (struct arena_block){.older = a->head, .size = size};
    POISON(b->bytes, b->size);
    a->head = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > a->cap - a->used || n > SIZE_MAX - ALIGN)
        return NULL;
    size_t rounded = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (rounded > a->cap - a->used)
        return NULL;
    struct arena_block *b = a->head;
    if (b == NULL || b->size - b->used < rounded) {
        b = block_add(a, rounded);
        if (b == NULL)
            return NULL;
    }
    void *p = b->bytes + b->used;
    UNPOISON(p, n);
    b->used += rounded;
    a->used += rounded;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    if (p != NULL)
        memset(p, 0, n);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    return arena_zalloc(a, n);
}

enum err arena_str(struct arena *a, struct str s, struct str *ret)
{
    if (s.n == SIZE_MAX)
        return ERR_NOMEM;
    char *p = arena_alloc(a, s.n + 1);
    if (p == NULL)
        return ERR_NOMEM;
    if (s.n != 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    *ret = (struct str){p, s.n};
    return ERR_OK;
}

enum err arena_printf(struct arena *a, struct str *ret, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return ERR_INVALID;
    char *p = arena_alloc(a, (size_t)n + 1);
    if (p == NULL)
        return ERR_NOMEM;
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    *ret = (struct str){p, (size_t)n};
    return ERR_OK;
}
