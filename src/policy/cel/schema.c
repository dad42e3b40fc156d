#include "policy/cel/schema_internal.h"

#include "base/limits.h"

#include <stdlib.h>

static bool is_path(struct str s)
{
    bool start = true;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9';
        if (c == '.' ? start : start ? !letter : !letter && !digit)
            return false;
        start = c == '.';
    }
    return s.n != 0 && !start;
}

enum err cel_schema_new(size_t cap, struct cel_schema **ret)
{
    struct cel_schema *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    arena_init(&s->arena, cap);
    *ret = s;
    return ERR_OK;
}

void cel_schema_free(struct cel_schema *s)
{
    if (s == NULL)
        return;
    arena_done(&s->arena);
    free(s);
}

struct arena *cel_schema_arena(struct cel_schema *s)
{
    return &s->arena;
}

uint32_t cel_schema_slots(const struct cel_schema *s)
{
    return s->variable_count;
}

const struct cel_variable *cel_schema_at(const struct cel_schema *s, uint32_t slot)
{
    return slot < s->variable_count ? s->variables[slot] : NULL;
}

/* The place of the name in the index, or of the hole where it would go. */
static size_t place_of(const struct cel_schema *s, struct str name)
{
    size_t at = str_hash(name) & (s->index_size - 1);
    while (s->index[at] != NULL && !str_eq(s->index[at]->name, name))
        at = (at + 1) & (s->index_size - 1);
    return at;
}

const struct cel_variable *cel_schema_find(const struct cel_schema *s, struct str name)
{
    return s->index_size != 0 ? s->index[place_of(s, name)] : NULL;
}

static enum err grow(struct cel_schema *s)
{
    uint32_t room = s->room != 0 ? s->room * 2 : 64;
    const struct cel_variable **variables =
        arena_new_array(&s->arena, room, const struct cel_variable *);
    const struct cel_variable **index =
        arena_new_array(&s->arena, (size_t)room * 2, const struct cel_variable *);
    if (variables == NULL || index == NULL)
        return ERR_NOMEM;
    if (s->variable_count != 0)
        memcpy(variables, s->variables, s->variable_count * sizeof(*variables));
    s->variables = variables;
    s->index = index;
    s->room = room;
    s->index_size = (size_t)room * 2;
    for (uint32_t i = 0; i < s->variable_count; i++)
        index[place_of(s, variables[i]->name)] = variables[i];
    return ERR_OK;
}

enum err cel_schema_var(struct cel_schema *s, struct str name, const struct cel_type *type,
                        int lazy_bit, uint32_t *ret_slot)
{
    if (!is_path(name) || type == NULL || lazy_bit < CEL_EAGER || lazy_bit > 63)
        return ERR_INVALID;
    if (cel_schema_find(s, name) != NULL)
        return ERR_EXISTS;
    if (s->variable_count == s->room)
        TRY(grow(s));
    struct cel_variable *v = arena_new(&s->arena, struct cel_variable);
    if (v == NULL)
        return ERR_NOMEM;
    *v = (struct cel_variable){.type = type, .slot = s->variable_count, .lazy_bit = (int8_t)lazy_bit};
    TRY(arena_str(&s->arena, name, &v->name));
    s->index[place_of(s, name)] = v;
    s->variables[s->variable_count++] = v;
    *ret_slot = v->slot;
    return ERR_OK;
}

enum err cel_schema_function(struct cel_schema *s, struct str name, bool member,
                             const struct cel_type *const *params, size_t n,
                             const struct cel_type *result, cel_host_fn *fn, uint32_t cost)
{
    if (!is_path(name) || n > LIMIT_CEL_ARGUMENTS || (member && n == 0))
        return ERR_INVALID;
    struct host_function *f = arena_new(&s->arena, struct host_function);
    const struct cel_type **copy = arena_new_array(&s->arena, n, const struct cel_type *);
    if (f == NULL || copy == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        copy[i] = params[i];
    *f = (struct host_function){.member = member,
                                .params = copy,
                                .param_count = (uint32_t)n,
                                .result = result,
                                .fn = fn,
                                .cost = cost,
                                .next = s->functions};
    TRY(arena_str(&s->arena, name, &f->name));
    s->functions = f;
    return ERR_OK;
}
