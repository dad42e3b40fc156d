#include "classify/walk.h"

#include <stdlib.h>

#include "base/limits.h"

void walk_init(struct walk *w, struct collect *c, const struct sql_settings *settings)
{
    w->c = c;
    w->settings = settings;
    w->stack = w->first;
    w->n = 0;
    w->size = ARRAY_LEN(w->first);
    w->nodes = 0;
    w->compared = 0;
    w->nested = 0;
    w->unknown_node = false;
}

void walk_done(struct walk *w)
{
    if (w->stack != w->first)
        free(w->stack);
    w->stack = w->first;
    w->size = ARRAY_LEN(w->first);
}

bool walk_grow(struct walk *w)
{
    size_t size = w->size * 4;
    if (w->n >= LIMIT_SQL_DEPTH) {
        w->c->err = ERR_LIMIT;
        return false;
    }
    struct walk_frame *stack = malloc(size * sizeof(*stack));
    if (stack == NULL) {
        w->c->err = ERR_NOMEM;
        return false;
    }
    memcpy(stack, w->stack, w->n * sizeof(*stack));
    walk_done(w);
    w->stack = stack;
    w->size = size;
    return true;
}


void walk_children(struct walk *w, const void *node, const void *skip, const void *skip2, struct place place)
{
    const struct tree_shape *s = tree_shape(nodeTag(node));
    for (int i = s->n - 1; i >= 0; i--) { /* the stack turns them round */
        const void *child = tree_child(node, s, i);
        if (child != NULL && child != skip && child != skip2)
            walk_push(w, child, place);
    }
}

static void visit(struct walk *w, const void *node, struct place place)
{
    NodeTag tag = nodeTag(node);
    const struct tree_shape *s = tree_shape(tag);
    if (s == NULL) {
        w->unknown_node = w->unknown_node || (tag != T_IntList && tag != T_OidList);
        return;
    }
    walk_visitor *visitor = query_visitors[tag];
    if (visitor == NULL)
        visitor = command_visitors[tag];
    if (visitor != NULL)
        visitor(w, node, place);
    else
        walk_children(w, node, NULL, NULL, place);
}

enum err walk_run(struct walk *w, const void *root, struct place place)
{
    size_t base = w->n;
    walk_push(w, root, place);
    while (w->n > base && w->c->err == ERR_OK) {
        struct walk_frame *f = &w->stack[w->n - 1];
        const void *node = f->node;
        struct place at = f->place;
        if (IsA(node, List)) {
            const List *l = node;
            if (f->next < tree_list_len(l))
                node = tree_list_at(l, f->next++);
            if (f->next >= tree_list_len(l))
                w->n--;
            if (node == l || node == NULL || tree_is_leaf(node))
                continue;
            if (IsA(node, List)) {
                walk_push(w, node, at);
                continue;
            }
        } else {
            w->n--;
        }
        if (++w->nodes > LIMIT_SQL_NODES)
            w->c->err = ERR_LIMIT;
        else
            visit(w, node, at);
    }
    return w->c->err;
}

void walk_mark(struct walk *w, struct place place, uint32_t classes, uint32_t traits, uint32_t dynamic)
{
    if (!walk_runs(place))
        return;
    w->c->f.classes |= classes;
    w->c->f.traits |= traits;
    w->c->f.dynamic |= dynamic;
}

void walk_lock(struct walk *w, struct place place, enum sql_lock lock)
{
    if (walk_runs(place) && lock > w->c->f.lock_level)
        w->c->f.lock_level = lock;
}

/* --- Names ----------------------------------------------------------------------------------- */

static size_t put_part(struct str part, char *out, size_t at, size_t room)
{
    bool quote = at + part.n + 2 >= room;
    for (size_t i = 0; i < part.n && !quote; i++) {
        out[at + i] = part.p[i];
        quote = part.p[i] == '.' || part.p[i] == '"';
    }
    if (!quote)
        return at + part.n;
    if (at < room)
        out[at++] = '"';
    for (size_t i = 0; i < part.n && at + 2 < room; i++) {
        if (part.p[i] == '"')
            out[at++] = '"';
        out[at++] = part.p[i];
    }
    if (at < room)
        out[at++] = '"';
    return at;
}

/* Whether one of eight bytes is c: the one that becomes zero borrows from its own high bit. */
static uint64_t has_byte(uint64_t eight, char c)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x = eight ^ (ones * (unsigned char)c);
    return (x - ones) & ~x & (ones << 7);
}

/* Every name of every statement comes by here: eight bytes at a time, the last eight once more. */
static bool needs_quotes(struct str name)
{
    uint64_t eight, found = 0;
    if (name.n < sizeof(eight)) {
        for (size_t i = 0; i < name.n; i++)
            found |= name.p[i] == '.' || name.p[i] == '"';
        return found != 0;
    }
    for (size_t i = 0; i < name.n; i += sizeof(eight)) {
        size_t at = i + sizeof(eight) <= name.n ? i : name.n - sizeof(eight);
        memcpy(&eight, name.p + at, sizeof(eight));
        found |= has_byte(eight, '.') | has_byte(eight, '"');
    }
    return found != 0;
}

struct str qualified_name(struct str schema, struct str name, char out[static QUALIFIED_NAME])
{
    if (schema.n == 0 && !needs_quotes(name))
        return name;
    size_t n = 0;
    if (schema.n != 0) {
        n = put_part(schema, out, 0, QUALIFIED_NAME / 2);
        out[n++] = '.';
    }
    if (name.n != 0)
        n = put_part(name, out, n, QUALIFIED_NAME);
    return str_from(out, n);
}

void dotted_name(const List *names, struct str *ret_schema, struct str *ret_name)
{
    int n = tree_list_len(names);
    *ret_name = n > 0 ? tree_string(tree_list_at(names, n - 1)) : (struct str){NULL, 0};
    *ret_schema = n > 1 ? tree_string(tree_list_at(names, n - 2)) : (struct str){NULL, 0};
}

bool schema_is_temp(struct str schema)
{
    return str_is(schema, "pg_temp") || str_starts(schema, STR("pg_temp_"));
}

/* Tables whose content is secret by itself: password hashes, connection strings. */
static bool holds_credentials(struct str name)
{
    static const char *const names[] = {"pg_authid", "pg_shadow", "pg_user_mapping", "pg_user_mappings",
                                        "pg_subscription", "pg_hba_file_rules", "_pg_user_mappings",
                                        "user_mapping_options"};
    if (!str_starts(name, STR("pg_")) && !str_starts(name, STR("_pg_")) && !str_starts(name, STR("user_m")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static void mark_catalog_write(struct walk *w, struct place place, struct str schema, struct str name)
{
    bool catalog = str_is(schema, "pg_catalog") || str_is(schema, "information_schema") ||
                   str_starts(schema, STR("pg_toast")) || (schema.n == 0 && str_starts(name, STR("pg_")));
    if (!catalog)
        return;
    /* pg_settings has a rule that turns an UPDATE into set_config. */
    if (str_is(name, "pg_settings"))
        walk_mark(w, place, SQL_SESSION, SQL_T_CATALOG_WRITE, SQL_D_SETTING);
    else
        walk_mark(w, place, SQL_ADMIN | SQL_PRIVILEGE, SQL_T_CATALOG_WRITE, 0);
}

void walk_relation(struct walk *w, struct place place, struct str schema, struct str name, enum relation_role role)
{
    char room[QUALIFIED_NAME];
    struct str full = qualified_name(schema, name, room);
    if (!walk_runs(place))
        role = REL_MENTIONED;
    collect_table(w->c, full, name, role);
    switch (role) {
    case REL_READ:
        walk_lock(w, place, SQL_LOCK_ACCESS_SHARE);
        if (holds_credentials(name))
            walk_mark(w, place, 0, SQL_T_CREDENTIALS, 0);
        break;
    case REL_WRITTEN:
        mark_catalog_write(w, place, schema, name);
        break;
    case REL_CREATED:
    case REL_MENTIONED:
        break;
    }
}

void walk_range_var(struct walk *w, struct place place, const RangeVar *r, enum relation_role role)
{
    if (r != NULL)
        walk_relation(w, place, str_of(r->schemaname), str_of(r->relname), role);
}
