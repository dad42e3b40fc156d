/*
 * Facts of several things as one: what a session does with a message and with what the message names.
 */
#include "classify/collect.h"
#include "classify/sql.h"

enum err sql_facts_merge(struct arena *arena, const struct sql_facts *a, const struct sql_facts *b,
                         struct sql_facts *ret)
{
    struct collect c;
    collect_init(&c, arena);
    collect_facts_of(&c, a);
    collect_facts_of(&c, b);
    c.f.statements = a->statements > b->statements ? a->statements : b->statements;
    c.f.has_limit = a->has_limit;
    c.f.limit = a->limit;
    c.f.offset = a->offset;
    c.f.length = a->length;
    return collect_facts(&c, ret);
}

/* --- EXECUTE and FETCH ----------------------------------------------------------------------- */

/* What the message itself did with that name before position `at`. */
enum local { LOCAL_UNTOUCHED, LOCAL_KNOWN, LOCAL_GONE };

static enum local find_local(const struct sql_facts *f, size_t at, bool cursor, const struct sql_facts **ret)
{
    enum sql_named_op makes = cursor ? SQL_NAMED_DECLARE : SQL_NAMED_PREPARE;
    enum sql_named_op ends = cursor ? SQL_NAMED_CLOSE : SQL_NAMED_DEALLOCATE;
    enum sql_named_op ends_all = cursor ? SQL_NAMED_CLOSE_ALL : SQL_NAMED_DEALLOCATE_ALL;
    for (size_t i = at; i-- > 0;) {
        const struct sql_named *n = &f->named[i];
        if (n->op == ends_all || n->op == SQL_NAMED_DISCARD_ALL)
            return LOCAL_GONE;
        if (!str_eq(n->name, f->named[at].name))
            continue;
        if (n->op == ends)
            return LOCAL_GONE;
        if (n->op == makes) {
            *ret = n->facts;
            return LOCAL_KNOWN;
        }
    }
    return LOCAL_UNTOUCHED;
}

static const struct sql_facts *find_named(const struct sql_facts *f, size_t at, const struct sql_names_known *known)
{
    const struct sql_facts *found = NULL;
    bool cursor = f->named[at].op == SQL_NAMED_FETCH;
    if (find_local(f, at, cursor, &found) != LOCAL_UNTOUCHED)
        return found;
    if (known == NULL)
        return NULL;
    return cursor ? known->cursor(known->ctx, f->named[at].name) : known->statement(known->ctx, f->named[at].name);
}

/* A PREPARE that might have failed leaves the older statement of that name in place: both count. */
static const struct sql_facts *find_older(const struct sql_facts *f, size_t at, const struct sql_names_known *known)
{
    if (known == NULL)
        return NULL;
    bool cursor = f->named[at].op == SQL_NAMED_FETCH;
    return cursor ? known->cursor(known->ctx, f->named[at].name) : known->statement(known->ctx, f->named[at].name);
}

enum err sql_facts_resolve(struct arena *a, const struct sql_facts *f, const struct sql_names_known *known,
                           struct sql_facts *ret)
{
    struct collect c;
    bool all_found = true;
    collect_init(&c, a);
    collect_facts_of(&c, f);
    size_t own = f->n_named, own_settings = f->n_setting_changes;
    for (size_t i = 0; i < own; i++) {
        if (f->named[i].op != SQL_NAMED_EXECUTE && f->named[i].op != SQL_NAMED_FETCH)
            continue;
        const struct sql_facts *found = find_named(f, i, known), *older = find_older(f, i, known);
        if (found != NULL)
            collect_facts_of(&c, found);
        if (older != NULL && older != found)
            collect_facts_of(&c, older);
        all_found = all_found && found != NULL && (found->dynamic & SQL_D_NAMED) == 0;
    }
    c.named.n = own; /* names inside what is run are not this message's to define */
    if (all_found && (c.f.dynamic &= ~(uint32_t)SQL_D_NAMED) == 0)
        c.f.classes &= ~(uint32_t)SQL_DYNAMIC;
    if (own_settings < c.settings.n)
        c.f.changes_session = true;
    c.f.statements = f->statements;
    c.f.has_limit = f->has_limit;
    c.f.limit = f->limit;
    c.f.parts = f->parts;
    c.f.n_parts = f->n_parts;
    c.f.offset = f->offset;
    c.f.length = f->length;
    return collect_facts(&c, ret);
}

/* --- Copies ---------------------------------------------------------------------------------- */

static enum err dup_names(struct arena *a, struct sql_names *names)
{
    struct str *v = arena_new_array(a, names->n, struct str);
    if (v == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < names->n; i++)
        TRY(arena_str(a, names->v[i], &v[i]));
    names->v = v;
    return ERR_OK;
}

static enum err dup_fields(struct arena *a, struct sql_facts *f)
{
    for (size_t i = 0; i < sql_fields_count; i++) {
        void *field = (char *)f + sql_fields[i].offset;
        if (sql_fields[i].type == SQL_FIELD_NAMES)
            TRY(dup_names(a, field));
        else if (sql_fields[i].type == SQL_FIELD_TEXT)
            TRY(arena_str(a, *(struct str *)field, field));
    }
    return ERR_OK;
}

static enum err dup_flat(struct arena *a, const struct sql_facts *f, struct sql_facts *ret);

/* PREPARE and DECLARE hold facts of queries, which hold none themselves, so this goes one level down. */
static enum err dup_named(struct arena *a, struct sql_facts *f)
{
    struct sql_named *v = arena_new_array(a, f->n_named, struct sql_named);
    if (v == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < f->n_named; i++) {
        v[i] = f->named[i];
        TRY(arena_str(a, f->named[i].name, &v[i].name));
        if (f->named[i].facts == NULL)
            continue;
        struct sql_facts *inner = arena_new(a, struct sql_facts);
        if (inner == NULL)
            return ERR_NOMEM;
        TRY(dup_flat(a, f->named[i].facts, inner));
        v[i].facts = inner;
    }
    f->named = v;
    return ERR_OK;
}

static enum err dup_settings(struct arena *a, struct sql_facts *f)
{
    struct sql_setting *v = arena_new_array(a, f->n_setting_changes, struct sql_setting);
    if (v == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < f->n_setting_changes; i++) {
        v[i] = f->setting_changes[i];
        TRY(arena_str(a, v[i].name, &v[i].name));
        TRY(arena_str(a, v[i].value, &v[i].value));
    }
    f->setting_changes = v;
    return ERR_OK;
}

static enum err dup_flat(struct arena *a, const struct sql_facts *f, struct sql_facts *ret)
{
    *ret = *f;
    ret->parts = NULL;
    ret->n_parts = 0;
    TRY(dup_fields(a, ret));
    TRY(dup_settings(a, ret));
    return dup_named(a, ret);
}

enum err sql_facts_dup(struct arena *a, const struct sql_facts *f, struct sql_facts *ret)
{
    struct sql_facts copy;
    TRY(dup_flat(a, f, &copy));
    if (f->n_parts != 0) {
        struct sql_facts *parts = arena_new_array(a, f->n_parts, struct sql_facts);
        if (parts == NULL)
            return ERR_NOMEM;
        for (size_t i = 0; i < f->n_parts; i++)
            TRY(dup_flat(a, &f->parts[i], &parts[i]));
        copy.parts = parts;
        copy.n_parts = f->n_parts;
    }
    *ret = copy;
    return ERR_OK;
}
