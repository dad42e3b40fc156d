#include "source/pg/names.h"
#include "base/limits.h"

#include <stdlib.h>

/* Blocks of one size; what does not fit comes from the system and goes back to it. */
enum { BLOCK_SIZE = 512, KEPT_BLOCKS = 1024 };

struct pg_pool_block {
    struct pg_pool_block *next;
};

static void *pool_take(struct pg_pool *pool, size_t size)
{
    struct pg_pool_block *b = pool->free;
    if (size > BLOCK_SIZE || b == NULL)
        return calloc(1, size > BLOCK_SIZE ? size : BLOCK_SIZE);
    pool->free = b->next;
    pool->n_free--;
    memset(b, 0, size);
    return b;
}

static void pool_give(struct pg_pool *pool, void *p, size_t size)
{
    struct pg_pool_block *b = p;
    if (size > BLOCK_SIZE || pool->n_free == KEPT_BLOCKS) {
        free(p);
        return;
    }
    b->next = pool->free;
    pool->free = b;
    pool->n_free++;
}

void pg_pool_done(struct pg_pool *p)
{
    while (p->free != NULL) {
        struct pg_pool_block *b = p->free;
        p->free = b->next;
        free(b);
    }
    p->n_free = 0;
}

bool pg_name_is_plain(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] >= 0x80)
            return false;
    return true;
}

static void copy_bytes(char *to, struct str s)
{
    if (s.n != 0)
        memcpy(to, s.p, s.n);
}

static size_t statement_size(size_t n_types, struct str name)
{
    return sizeof(struct pg_statement) + n_types * sizeof(uint32_t) + name.n;
}

enum err pg_statement_new(struct pg_pool *pool, struct str name, struct sql_cached *text,
                          struct str types, uint16_t n_types, struct pg_statement **ret)
{
    size_t types_size = (size_t)n_types * sizeof(uint32_t);
    struct pg_statement *s = pool_take(pool, statement_size(n_types, name));
    if (s == NULL)
        return ERR_NOMEM;
    s->pool = pool;
    s->storage = (char *)(s + 1);
    s->types = (uint32_t *)(void *)s->storage;
    s->n_types = n_types;
    struct cursor c = cursor_of(types);
    for (uint16_t i = 0; i < n_types; i++)
        s->types[i] = cursor_u32(&c);
    copy_bytes(s->storage + types_size, name);
    s->name = (struct str){s->storage + types_size, name.n};
    s->text = sql_cached_ref(text);
    s->refs = 1;
    *ret = s;
    return ERR_OK;
}

struct pg_statement *pg_statement_ref(struct pg_statement *s)
{
    s->refs++;
    return s;
}

void pg_statement_unref(struct pg_statement *s)
{
    if (s == NULL || --s->refs > 0)
        return;
    sql_cached_unref(s->text);
    pool_give(s->pool, s, statement_size(s->n_types, s->name));
}

static size_t portal_size(struct str name, struct str bind_body)
{
    return sizeof(struct pg_portal) + name.n + bind_body.n;
}

enum err pg_portal_new(struct pg_pool *pool, struct str name, struct pg_statement *statement,
                       struct sql_cached *text, struct str bind_body, struct pg_portal **ret)
{
    struct pg_portal *p = pool_take(pool, portal_size(name, bind_body));
    if (p == NULL)
        return ERR_NOMEM;
    p->pool = pool;
    p->storage = (char *)(p + 1);
    copy_bytes(p->storage, name);
    copy_bytes(p->storage + name.n, bind_body);
    p->name = (struct str){p->storage, name.n};
    p->body = (struct str){p->storage + name.n, bind_body.n};
    p->statement = statement != NULL ? pg_statement_ref(statement) : NULL;
    p->text = text != NULL ? sql_cached_ref(text) : NULL;
    p->refs = 1;
    *ret = p;
    return ERR_OK;
}

struct pg_portal *pg_portal_ref(struct pg_portal *p)
{
    p->refs++;
    return p;
}

void pg_portal_unref(struct pg_portal *p)
{
    if (p == NULL || --p->refs > 0)
        return;
    pg_statement_unref(p->statement);
    sql_cached_unref(p->text);
    pool_give(p->pool, p, portal_size(p->name, p->body));
}

/* Room for one more pointer in a list. Sessions have few names, so the lists are plain arrays. */
static enum err grow(void *list_ptr, size_t n, size_t *size)
{
    void **list;
    if (n < *size)
        return ERR_OK;
    if (n >= LIMIT_PG_NAMED_OBJECTS)
        return ERR_LIMIT;
    size_t wanted = *size != 0 ? *size * 2 : 4;
    memcpy(&list, list_ptr, sizeof(list));
    list = realloc(list, wanted * sizeof(void *));
    if (list == NULL)
        return ERR_NOMEM;
    memcpy(list_ptr, &list, sizeof(list));
    *size = wanted;
    return ERR_OK;
}

static size_t statement_at(const struct pg_names *n, struct str name)
{
    size_t i = 0;
    while (i < n->n_statements && !str_eq(n->statements[i]->name, name))
        i++;
    return i;
}

static size_t portal_at(const struct pg_names *n, struct str name)
{
    size_t i = 0;
    while (i < n->n_portals && !str_eq(n->portals[i]->name, name))
        i++;
    return i;
}

enum err pg_names_put_statement(struct pg_names *n, struct pg_statement *s)
{
    size_t i = statement_at(n, s->name);
    if (i == n->n_statements) {
        TRY(grow(&n->statements, i, &n->size_statements));
        n->statements[n->n_statements++] = NULL;
    }
    struct pg_statement *old = n->statements[i];
    n->statements[i] = pg_statement_ref(s);
    pg_statement_unref(old);
    return ERR_OK;
}

enum err pg_names_put_portal(struct pg_names *n, struct pg_portal *p)
{
    size_t i = portal_at(n, p->name);
    if (i == n->n_portals) {
        TRY(grow(&n->portals, i, &n->size_portals));
        n->portals[n->n_portals++] = NULL;
    }
    struct pg_portal *old = n->portals[i];
    n->portals[i] = pg_portal_ref(p);
    pg_portal_unref(old);
    return ERR_OK;
}

struct pg_statement *pg_names_statement(const struct pg_names *n, struct str name)
{
    size_t i = statement_at(n, name);
    return i < n->n_statements ? n->statements[i] : NULL;
}

struct pg_portal *pg_names_portal(const struct pg_names *n, struct str name)
{
    size_t i = portal_at(n, name);
    return i < n->n_portals ? n->portals[i] : NULL;
}

void pg_names_drop_statement(struct pg_names *n, struct str name)
{
    size_t i = statement_at(n, name);
    if (i == n->n_statements)
        return;
    pg_statement_unref(n->statements[i]);
    n->statements[i] = n->statements[--n->n_statements];
}

void pg_names_drop_portal(struct pg_names *n, struct str name)
{
    size_t i = portal_at(n, name);
    if (i == n->n_portals)
        return;
    pg_portal_unref(n->portals[i]);
    n->portals[i] = n->portals[--n->n_portals];
}

void pg_names_drop_statements(struct pg_names *n)
{
    while (n->n_statements > 0)
        pg_statement_unref(n->statements[--n->n_statements]);
}

void pg_names_drop_portals(struct pg_names *n, bool cursors_too)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->n_portals; i++) {
        struct pg_portal *p = n->portals[i];
        if (p->is_cursor && !cursors_too)
            n->portals[kept++] = p;
        else
            pg_portal_unref(p);
    }
    n->n_portals = kept;
}

void pg_names_done(struct pg_names *n)
{
    pg_names_drop_statements(n);
    pg_names_drop_portals(n, true);
    free(n->statements);
    free(n->portals);
    *n = (struct pg_names){0};
}
