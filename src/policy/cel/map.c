/* Look-up in maps: a scan for small ones, open addressing for the rest. */
#include "policy/cel/number.h"

enum { SCANNED_ENTRIES = 8 };

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* Equal keys hash alike: a number by the int it equals. False: it can equal no key. */
static bool hash_key(struct cel_value key, uint64_t *ret)
{
    int64_t i;
    switch ((int)cel_kind_of(key)) {
    case CEL_STRING:
        *ret = mix(str_hash(cel_str(key)));
        return true;
    case CEL_BOOL:
        *ret = mix((uint64_t)key.i + 0x5555);
        return true;
    case CEL_UINT:
        *ret = mix(key.u);
        return true;
    default:
        if (!cel_number_to_int(key, &i)) {
            *ret = cel_is(key, CEL_DOUBLE) && key.d >= 0 && key.d < 0x1p64 ? mix((uint64_t)key.d) : 0;
            return *ret != 0;
        }
        *ret = mix((uint64_t)i);
        return true;
    }
}

static bool keys_equal(struct cel_value a, struct cel_value b)
{
    if (cel_is(a, CEL_STRING))
        return a.meta >> 32 == b.meta >> 32 && cel_is(b, CEL_STRING) &&
               (cel_length(a) == 0 || memcmp(a.s, b.s, cel_length(a)) == 0);
    return cel_equal(a, b);
}

static const struct cel_value *scan(const struct cel_map *m, uint32_t n, struct cel_value key)
{
    for (uint32_t i = 0; i < n; i++)
        if (keys_equal(key, m->entries[i].key))
            return &m->entries[i].value;
    return NULL;
}

const struct cel_value *cel_map_find(const struct cel_map *m, struct cel_value key)
{
    if (m->index == NULL)
        return scan(m, m->count, key);
    uint64_t h;
    if (cel_is(key, CEL_STRING) && cel_length(key) > m->longest_key)
        return NULL;
    if (!hash_key(key, &h))
        return NULL;
    for (uint64_t at = h;; at++) {
        uint32_t place = m->index[at & m->index_mask];
        if (place == 0)
            return NULL;
        if (keys_equal(key, m->entries[place - 1].key))
            return &m->entries[place - 1].value;
    }
}

static bool is_key(struct cel_value v)
{
    enum cel_kind k = cel_kind_of(v);
    return k == CEL_BOOL || k == CEL_INT || k == CEL_UINT || k == CEL_STRING;
}

/*
 * Keys may come from whoever wrote the action, and the hash is no secret: building gives up where far
 * more places are looked at than honest keys need, so that a look-up stays short, too.
 */
static enum err build_index(struct cel_map *m, struct arena *a, size_t n)
{
    size_t places = 16, looks = 0, most = n * 32 + 1024;
    while (places < n * 2)
        places *= 2;
    uint32_t *index = arena_new_array(a, places, uint32_t);
    if (index == NULL)
        return ERR_NOMEM;
    m->index = index;
    m->index_mask = (uint32_t)(places - 1);
    for (size_t i = 0; i < n; i++) {
        struct cel_value key = m->entries[i].key;
        uint64_t at;
        (void)hash_key(key, &at);
        for (; index[at & m->index_mask] != 0; at++) {
            if (keys_equal(key, m->entries[index[at & m->index_mask] - 1].key))
                return ERR_EXISTS;
            if (++looks > most)
                return ERR_LIMIT;
        }
        index[at & m->index_mask] = (uint32_t)i + 1;
        if (cel_is(key, CEL_STRING) && cel_length(key) > m->longest_key)
            m->longest_key = cel_length(key);
    }
    return ERR_OK;
}

enum err cel_map_init(struct cel_map *m, struct arena *a, const struct cel_map_entry *entries,
                      size_t n)
{
    struct cel_map made = {.entries = entries};
    if (n > UINT32_MAX / 4)
        return ERR_INVALID;
    for (size_t i = 0; i < n; i++)
        if (!is_key(entries[i].key))
            return ERR_INVALID;
    if (n > SCANNED_ENTRIES) {
        TRY(build_index(&made, a, n));
    } else {
        for (uint32_t i = 1; i < n; i++)
            if (scan(&made, i, entries[i].key) != NULL)
                return ERR_EXISTS;
    }
    made.count = (uint32_t)n;
    *m = made;
    return ERR_OK;
}
