/*
 * A bump allocator with a cap: everything that belongs to one action (or one evaluation, one
 * configuration) is allocated from one arena and goes with it. There is no free of one piece.
 *
 * arena_alloc returns NULL at the cap or when memory is out; callers turn that into ERR_NOMEM.
 * arena_reset keeps the first block, so a steady state allocates nothing from the system.
 * Under AddressSanitizer the unused rest of a block is poisoned.
 */
#pragma once

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *head; /* the block that is being filled; older ones behind it */
    size_t used;              /* bytes handed out since the last reset */
    size_t cap;               /* most that may be handed out between resets */
};

/* No memory is taken before the first allocation. */
void arena_init(struct arena *a, size_t cap);
void arena_done(struct arena *a);
void arena_reset(struct arena *a);

/* n bytes aligned for any type, not zeroed. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc));
void *arena_zalloc(struct arena *a, size_t n) __attribute__((malloc));

/* count * size bytes, zeroed; NULL on overflow too. */
void *arena_array(struct arena *a, size_t count, size_t size) __attribute__((malloc));

#define arena_new(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define arena_new_array(a, count, type) ((type *)arena_array((a), (count), sizeof(type)))

/* A copy of s inside the arena, with a NUL after it. */
MUST_USE enum err arena_str(struct arena *a, struct str s, struct str *ret);

/* printf into the arena, with a NUL after it. */
MUST_USE enum err arena_printf(struct arena *a, struct str *ret, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
