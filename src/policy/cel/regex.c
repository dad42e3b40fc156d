#include "policy/cel/regex.h"

#include "base/limits.h"

#include <stdlib.h>

struct entry {
    char *pattern;
    size_t length;
    struct cel_regex *regex;
};

struct cel_regex_cache {
    struct entry entries[LIMIT_CEL_REGEX_CACHE];
    size_t count, next; /* next: the oldest, replaced when all are taken */
};

enum err cel_regex_cache_new(struct cel_regex_cache **ret)
{
    struct cel_regex_cache *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    *ret = c;
    return ERR_OK;
}

static void entry_clear(struct entry *e)
{
    free(e->pattern);
    cel_regex_free(e->regex);
    *e = (struct entry){.pattern = NULL};
}

void cel_regex_cache_free(struct cel_regex_cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->count; i++)
        entry_clear(&c->entries[i]);
    free(c);
}

/* False: not kept (memory is out), the caller still owns the pattern. */
static bool keep(struct cel_regex_cache *c, struct str pattern, struct cel_regex *r)
{
    char *copy = malloc(pattern.n + 1);
    if (copy == NULL)
        return false;
    if (pattern.n != 0)
        memcpy(copy, pattern.p, pattern.n);
    struct entry *e = &c->entries[c->next];
    if (c->count == LIMIT_CEL_REGEX_CACHE)
        entry_clear(e);
    else
        c->count++;
    c->next = (c->next + 1) % LIMIT_CEL_REGEX_CACHE;
    *e = (struct entry){copy, pattern.n, r};
    return true;
}

enum err cel_regex_for(struct cel_eval *e, struct str pattern, const struct cel_regex **ret,
                   struct cel_regex **ret_owned, char *why, size_t size)
{
    struct cel_regex_cache *c = e->regexes;
    struct cel_regex *made;
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        if (str_eq(str_from(c->entries[i].pattern, c->entries[i].length), pattern)) {
            *ret = c->entries[i].regex;
            *ret_owned = NULL;
            return ERR_OK;
        }
    }
    /* Compiling costs far more than searching does. */
    e->cost += 100 + pattern.n;
    TRY(cel_regex_new(pattern, &made, why, size));
    *ret = made;
    *ret_owned = c != NULL && keep(c, pattern, made) ? NULL : made;
    return ERR_OK;
}
