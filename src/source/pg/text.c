#include "source/pg/text.h"
#include "base/limits.h"

#include <stdlib.h>

/* One entry: the public part first, then what the cache needs. Entries that left the cache have
 * slot == NO_SLOT and live as long as somebody refers to them. */
struct entry {
    struct pg_text pub;
    struct arena arena;
    uint64_t hash;
    uint32_t settings_key;
    struct str encoding;
    uint32_t slot;
    struct entry *chain;            /* same bucket */
    struct entry *newer, *older;    /* order of use */
};

enum { BUCKETS = 4096, NO_SLOT = UINT32_MAX };

struct pg_texts {
    struct entry *bucket[BUCKETS];
    struct entry *newest, *oldest;
    size_t count, bytes;
    /* A spare entry, so that statements which never repeat do not allocate each time. */
    struct entry *spare;
};

enum err pg_texts_new(struct pg_texts **ret)
{
    struct pg_texts *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    *ret = c;
    return ERR_OK;
}

static void entry_free(struct entry *e)
{
    arena_done(&e->arena);
    free(e);
}

static void unlink_use(struct pg_texts *c, struct entry *e)
{
    if (e->newer != NULL)
        e->newer->older = e->older;
    else
        c->newest = e->older;
    if (e->older != NULL)
        e->older->newer = e->newer;
    else
        c->oldest = e->newer;
    e->newer = e->older = NULL;
}

static void link_newest(struct pg_texts *c, struct entry *e)
{
    e->older = c->newest;
    if (c->newest != NULL)
        c->newest->newer = e;
    c->newest = e;
    if (c->oldest == NULL)
        c->oldest = e;
}

static void evict(struct pg_texts *c, struct entry *e)
{
    struct entry **at = &c->bucket[e->slot];
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    unlink_use(c, e);
    c->count--;
    c->bytes -= e->arena.used;
    e->slot = NO_SLOT;
    if (--e->pub.refs > 0)
        return;
    if (c->spare == NULL && e->arena.used <= LIMIT_PG_SPARE_TEXT) {
        arena_reset(&e->arena);
        c->spare = e;
    } else {
        entry_free(e);
    }
}

void pg_texts_free(struct pg_texts *c)
{
    if (c == NULL)
        return;
    while (c->oldest != NULL)
        evict(c, c->oldest);
    if (c->spare != NULL)
        entry_free(c->spare);
    free(c);
}

static uint32_t settings_key(const struct sql_settings *s)
{
    return (uint32_t)s->standard_conforming_strings | (uint32_t)s->catalog_first << 4 |
           (uint32_t)s->replication << 5;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

/* Eight bytes at a time; the full text is compared afterwards, so this need not resist collisions,
 * and a bucket's chain is bounded by the size of the cache. */
static uint64_t hash_text(struct str text, uint32_t key)
{
    uint64_t h = mix(key, text.n), v;
    size_t i = 0;
    for (; i + 8 <= text.n; i += 8) {
        memcpy(&v, text.p + i, 8);
        h = mix(h, v);
    }
    v = 0;
    if (text.n > i)
        memcpy(&v, text.p + i, text.n - i);
    return mix(h, v);
}

static struct entry *find(struct pg_texts *c, uint64_t hash, struct str text, uint32_t key,
                          struct str encoding)
{
    for (struct entry *e = c->bucket[hash % BUCKETS]; e != NULL; e = e->chain)
        if (e->hash == hash && e->settings_key == key && str_eq(e->pub.text, text) &&
            str_eq(e->encoding, encoding))
            return e;
    return NULL;
}

static enum err entry_new(struct pg_texts *c, struct entry **ret)
{
    struct entry *e = c != NULL ? c->spare : NULL;
    if (e != NULL) {
        c->spare = NULL;
    } else {
        e = calloc(1, sizeof(*e));
        if (e == NULL)
            return ERR_NOMEM;
        arena_init(&e->arena, LIMIT_ACTION_ARENA);
    }
    e->pub = (struct pg_text){.refs = 1};
    e->slot = NO_SLOT;
    e->chain = e->newer = e->older = NULL;
    *ret = e;
    return ERR_OK;
}

static enum err fill(struct entry *e, struct str text, const struct sql_settings *s)
{
    struct sql_facts *f = arena_new(&e->arena, struct sql_facts);
    if (f == NULL)
        return ERR_NOMEM;
    TRY(arena_str(&e->arena, text, &e->pub.text));
    TRY(arena_str(&e->arena, s->client_encoding, &e->encoding));
    TRY(classify_sql(&e->arena, e->pub.text, s, f));
    e->pub.facts = f;
    return ERR_OK;
}

static void insert(struct pg_texts *c, struct entry *e)
{
    e->slot = (uint32_t)(e->hash % BUCKETS);
    e->chain = c->bucket[e->slot];
    c->bucket[e->slot] = e;
    link_newest(c, e);
    e->pub.refs++;
    c->count++;
    c->bytes += e->arena.used;
    while (c->oldest != e && (c->count > LIMIT_PG_TEXTS || c->bytes > LIMIT_PG_TEXTS_BYTES))
        evict(c, c->oldest);
}

enum err pg_text_get(struct pg_texts *c, struct str text, const struct sql_settings *s,
                     struct pg_text **ret)
{
    uint32_t key = settings_key(s);
    uint64_t hash = hash_text(text, key);
    struct entry *e = find(c, hash, text, key, s->client_encoding);
    if (e != NULL) {
        if (c->newest != e) {
            unlink_use(c, e);
            link_newest(c, e);
        }
        *ret = pg_text_ref(&e->pub);
        return ERR_OK;
    }
    TRY(entry_new(c, &e));
    enum err bad = fill(e, text, s);
    if (bad != ERR_OK) {
        entry_free(e);
        return bad;
    }
    e->hash = hash;
    e->settings_key = key;
    insert(c, e);
    *ret = &e->pub;
    return ERR_OK;
}

enum err pg_text_new(struct str text, const struct sql_facts *facts, struct pg_text **ret)
{
    struct entry *e;
    TRY(entry_new(NULL, &e));
    struct sql_facts *f = arena_new(&e->arena, struct sql_facts);
    enum err bad = f == NULL ? ERR_NOMEM : arena_str(&e->arena, text, &e->pub.text);
    if (bad == ERR_OK)
        bad = sql_facts_dup(&e->arena, facts, f);
    if (bad != ERR_OK) {
        entry_free(e);
        return bad;
    }
    e->pub.facts = f;
    *ret = &e->pub;
    return ERR_OK;
}

struct pg_text *pg_text_ref(struct pg_text *t)
{
    t->refs++;
    return t;
}

void pg_text_unref(struct pg_text *t)
{
    if (t != NULL && --t->refs == 0)
        entry_free((struct entry *)(void *)t);
}
