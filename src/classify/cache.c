/*
 * A set-associative table: the hash chooses a set of WAYS slots, and the least recently used of the set makes room.
 * There is nothing to walk but one set, so a peer who finds colliding texts gains only misses.
 */
#include "classify/cache.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/limits.h"

enum { WAYS = 4 };

/* A text is kept when it comes for the second time: most texts with literals in them never do, and
 * would only push out those that do. */
enum { SEEN = 4096 };

struct sql_cached {
    uint32_t references;
    struct sql_cache *home; /* NULL for one made outside every table */
    uint64_t hash, mark;
    struct str text;
    struct sql_settings settings; /* its strings are in the arena */
    struct sql_facts facts;
    struct arena arena;
};

struct slot {
    uint64_t hash;
    uint64_t used; /* when, on the cache's own count */
    struct sql_cached *known;
};

struct sql_cache {
    uint64_t seed, now;
    size_t mask; /* sets - 1 */
    size_t entries, bytes, most_bytes;
    uint64_t hits, misses;
    struct sql_cached *spare; /* not referenced any more: the next miss allocates nothing */
    size_t live;              /* entries made and not freed; the last one frees a closed cache */
    bool closed;
    uint32_t seen[SEEN];      /* marks of texts that came once */
    struct slot slots[];      /* sets * WAYS */
};

enum err sql_cache_new(size_t entries, size_t bytes, struct sql_cache **ret)
{
    size_t sets = 2;
    while (sets * WAYS < entries && sets < SIZE_MAX / (4 * WAYS * sizeof(struct slot)))
        sets *= 2;
    struct sql_cache *c = calloc(1, sizeof(*c) + sets * WAYS * sizeof(struct slot));
    if (c == NULL)
        return ERR_NOMEM;
    enum err e = random_bytes(&c->seed, sizeof(c->seed));
    if (e != ERR_OK) {
        free(c);
        return e;
    }
    c->mask = sets - 1;
    c->most_bytes = entries != 0 ? bytes : 0;
    *ret = c;
    return ERR_OK;
}

/* An arena takes its memory in blocks of at least 4 KiB that double. */
static size_t size_of(const struct sql_cached *k)
{
    size_t block = 4096;
    while (block < k->arena.used)
        block *= 2;
    return sizeof(*k) + block;
}

static void evict(struct sql_cache *c, struct slot *s)
{
    c->bytes -= size_of(s->known);
    c->entries--;
    sql_cached_unref(s->known);
    s->known = NULL;
}

void sql_cache_clear(struct sql_cache *c)
{
    for (size_t i = 0; i < (c->mask + 1) * WAYS; i++)
        if (c->slots[i].known != NULL)
            evict(c, &c->slots[i]);
}

static void entry_free(struct sql_cached *k)
{
    struct sql_cache *c = k->home;
    arena_done(&k->arena);
    free(k);
    if (c != NULL && --c->live == 0 && c->closed)
        free(c);
}

void sql_cache_free(struct sql_cache *c)
{
    if (c == NULL)
        return;
    sql_cache_clear(c);
    c->closed = true;
    if (c->spare != NULL)
        entry_free(c->spare);
    else if (c->live == 0)
        free(c);
}

const struct sql_facts *sql_cached_facts(const struct sql_cached *k)
{
    return &k->facts;
}

struct str sql_cached_text(const struct sql_cached *k)
{
    return k->text;
}

uint64_t sql_cached_mark(const struct sql_cached *k)
{
    return k->mark;
}

void sql_cached_set_mark(struct sql_cached *k, uint64_t mark)
{
    k->mark = mark;
}

struct sql_cached *sql_cached_ref(struct sql_cached *k)
{
    k->references++;
    return k;
}

void sql_cached_unref(struct sql_cached *k)
{
    if (k == NULL || --k->references != 0)
        return;
    struct sql_cache *c = k->home;
    if (c == NULL || c->closed || c->spare != NULL || k->arena.used > LIMIT_SQL_SPARE_ENTRY) {
        entry_free(k);
        return;
    }
    arena_reset(&k->arena);
    c->spare = k;
}

static bool same_settings(const struct sql_settings *a, const struct sql_settings *b)
{
    return a->standard_conforming_strings == b->standard_conforming_strings &&
           a->catalog_first == b->catalog_first && a->replication == b->replication &&
           str_eq(a->client_encoding, b->client_encoding);
}

static struct sql_cached *entry_new(struct sql_cache *c)
{
    struct sql_cached *k = c != NULL ? c->spare : NULL;
    if (k != NULL) {
        c->spare = NULL;
    } else {
        k = malloc(sizeof(*k));
        if (k == NULL)
            return NULL;
        arena_init(&k->arena, LIMIT_ACTION_ARENA);
        k->home = c;
        if (c != NULL)
            c->live++;
    }
    k->references = 1;
    k->mark = 0;
    return k;
}

enum err sql_cached_new(struct str text, const struct sql_facts *facts, struct sql_cached **ret)
{
    struct sql_cached *k = entry_new(NULL);
    if (k == NULL)
        return ERR_NOMEM;
    k->hash = 0;
    k->settings = SQL_SETTINGS_DEFAULT;
    enum err e = arena_str(&k->arena, text, &k->text);
    if (e == ERR_OK)
        e = sql_facts_dup(&k->arena, facts, &k->facts);
    if (e != ERR_OK) {
        sql_cached_unref(k);
        return e;
    }
    *ret = k;
    return ERR_OK;
}

static enum err make_cached(struct sql_cache *c, struct str text, const struct sql_settings *settings,
                            uint64_t hash, struct sql_cached **ret)
{
    struct sql_cached *k = entry_new(c);
    if (k == NULL)
        return ERR_NOMEM;
    k->hash = hash;
    k->settings = *settings;
    enum err e = classify_sql(&k->arena, text, settings, &k->facts);
    if (e == ERR_OK)
        e = arena_str(&k->arena, text, &k->text);
    if (e == ERR_OK)
        e = arena_str(&k->arena, settings->client_encoding, &k->settings.client_encoding);
    if (e != ERR_OK) {
        sql_cached_unref(k);
        return e;
    }
    *ret = k;
    return ERR_OK;
}

/* Keeps k where it fits, pushing out what was used longest ago in its set. */
static void keep(struct sql_cache *c, struct slot *set, struct sql_cached *k)
{
    struct slot *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].known == NULL) {
            oldest = &set[i];
            break;
        }
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    size_t freed = oldest->known != NULL ? size_of(oldest->known) : 0;
    if (size_of(k) > c->most_bytes / 16 || c->bytes - freed + size_of(k) > c->most_bytes) {
        if (oldest->known != NULL) /* full: give way, so that other sets find room again */
            evict(c, oldest);
        return;
    }
    if (oldest->known != NULL)
        evict(c, oldest);
    *oldest = (struct slot){k->hash, c->now, sql_cached_ref(k)};
    c->bytes += size_of(k);
    c->entries++;
}

enum err sql_cache_classify(struct sql_cache *c, struct str text, const struct sql_settings *settings,
                            struct sql_cached **ret)
{
    uint64_t hash = str_hash_seeded(text, c->seed);
    struct slot *set = &c->slots[(hash & c->mask) * WAYS];
    c->now++;
    for (size_t i = 0; i < WAYS; i++) {
        struct slot *s = &set[i];
        if (s->known != NULL && s->hash == hash && str_eq(s->known->text, text) &&
            same_settings(&s->known->settings, settings)) {
            s->used = c->now;
            c->hits++;
            *ret = sql_cached_ref(s->known);
            return ERR_OK;
        }
    }
    struct sql_cached *k;
    TRY(make_cached(c, text, settings, hash, &k));
    c->misses++;
    uint32_t *mark = &c->seen[hash % SEEN], again = (uint32_t)(hash >> 32) | 1;
    if (*mark == again)
        keep(c, set, k);
    *mark = again;
    *ret = k;
    return ERR_OK;
}

struct sql_cache_count sql_cache_count(const struct sql_cache *c)
{
    return (struct sql_cache_count){c->hits, c->misses, c->entries, c->bytes};
}
