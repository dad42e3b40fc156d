#include "classify/collect.h"

enum { SMALL_SET = 12, FIRST_SIZE = 4 };

/* Where each set goes. */
static const size_t set_offset[SET_COUNT] = {
    [SET_COMMANDS] = offsetof(struct sql_facts, commands),
    [SET_TABLES] = offsetof(struct sql_facts, tables),
    [SET_TABLE_NAMES] = offsetof(struct sql_facts, table_names),
    [SET_TABLES_READ] = offsetof(struct sql_facts, tables_read),
    [SET_TABLES_WRITTEN] = offsetof(struct sql_facts, tables_written),
    [SET_TABLES_CREATED] = offsetof(struct sql_facts, tables_created),
    [SET_COLUMNS] = offsetof(struct sql_facts, columns),
    [SET_COLUMNS_WRITTEN] = offsetof(struct sql_facts, columns_written),
    [SET_OBJECTS] = offsetof(struct sql_facts, objects),
    [SET_FUNCTIONS] = offsetof(struct sql_facts, functions),
    [SET_UNKNOWN_FUNCTIONS] = offsetof(struct sql_facts, unknown_functions),
    [SET_DANGEROUS_FUNCTIONS] = offsetof(struct sql_facts, dangerous_functions),
    [SET_UNKNOWN_TYPES] = offsetof(struct sql_facts, unknown_types),
    [SET_UNKNOWN_OPERATORS] = offsetof(struct sql_facts, unknown_operators),
    [SET_SETTINGS] = offsetof(struct sql_facts, settings),
    [SET_EXECUTE_NAMES] = offsetof(struct sql_facts, execute_names),
    [SET_FETCH_NAMES] = offsetof(struct sql_facts, fetch_names),
};

void collect_init(struct collect *c, struct arena *arena)
{
    memset(c, 0, sizeof(*c));
    c->arena = arena;
    c->f.has_where = true;
    c->f.has_narrow_where = true;
    c->f.limit = -1;
}

static void fail(struct collect *c, enum err e)
{
    if (c->err == ERR_OK)
        c->err = e;
}

struct str collect_text(struct collect *c, struct str s)
{
    struct str copy = {NULL, 0};
    enum err e = arena_str(c->arena, s, &copy);
    if (e != ERR_OK)
        fail(c, e);
    return copy;
}

/* Room for one more; the old array stays behind in the arena, at most as much again. */
static bool grow(struct collect *c, struct collect_list *l, size_t item)
{
    if (l->n < l->size)
        return true;
    size_t size = l->size != 0 ? l->size * 2 : FIRST_SIZE;
    void *v = arena_alloc(c->arena, size * item);
    if (v == NULL) {
        fail(c, ERR_NOMEM);
        return false;
    }
    if (l->n != 0)
        memcpy(v, l->v, l->n * item);
    l->v = v;
    l->size = size;
    return true;
}

/* A statement's author chooses the names; where its slots lie in memory they cannot know. */
static uint32_t set_hash(const struct name_set *s, struct str name)
{
    return (uint32_t)str_hash_seeded(name, (uint64_t)(uintptr_t)s->slots * UINT64_C(0x9e3779b97f4a7c15));
}

static void slot_put(struct name_set *s, uint32_t index)
{
    uint32_t at = set_hash(s, s->v[index]) & s->mask;
    while (s->slots[at] != 0)
        at = (at + 1) & s->mask;
    s->slots[at] = index + 1;
}

static bool slots_grow(struct collect *c, struct name_set *s)
{
    uint32_t count = s->size * 2;
    uint32_t *slots = arena_new_array(c->arena, count, uint32_t);
    if (slots == NULL) {
        fail(c, ERR_NOMEM);
        return false;
    }
    s->slots = slots;
    s->mask = count - 1;
    for (uint32_t i = 0; i < s->n; i++)
        slot_put(s, i);
    return true;
}

static bool set_has(const struct name_set *s, struct str name)
{
    if (s->slots == NULL) {
        for (uint32_t i = 0; i < s->n; i++)
            if (str_eq(s->v[i], name))
                return true;
        return false;
    }
    for (uint32_t at = set_hash(s, name) & s->mask; s->slots[at] != 0; at = (at + 1) & s->mask)
        if (str_eq(s->v[s->slots[at] - 1], name))
            return true;
    return false;
}

/* name is not in the set and outlives it. */
static void set_add(struct collect *c, struct name_set *s, struct str name)
{
    if (s->n == s->size) {
        struct collect_list l = {s->v, s->n, s->size};
        if (!grow(c, &l, sizeof(*s->v)))
            return;
        s->v = l.v;
        s->size = (uint32_t)l.size;
        if (s->size > SMALL_SET && !slots_grow(c, s))
            return;
    }
    s->v[s->n++] = name;
    if (s->slots != NULL)
        slot_put(s, s->n - 1);
}

void collect_name(struct collect *c, enum collect_set set, struct str name)
{
    struct name_set *s = &c->sets[set];
    if (set_has(s, name))
        return;
    struct str copy = collect_text(c, name);
    if (c->err == ERR_OK)
        set_add(c, s, copy);
}

void collect_static(struct collect *c, enum collect_set set, const char *z)
{
    struct name_set *s = &c->sets[set];
    struct str name = str_of(z);
    if (!set_has(s, name))
        set_add(c, s, name);
}

void collect_named(struct collect *c, enum sql_named_op op, struct str name, const struct sql_facts *facts)
{
    if (!grow(c, &c->named, sizeof(struct sql_named)))
        return;
    struct sql_named *v = c->named.v;
    v[c->named.n++] = (struct sql_named){op, collect_text(c, name), facts};
    if (op == SQL_NAMED_EXECUTE)
        collect_name(c, SET_EXECUTE_NAMES, name);
    if (op == SQL_NAMED_FETCH)
        collect_name(c, SET_FETCH_NAMES, name);
}

void collect_setting(struct collect *c, const struct sql_setting *setting)
{
    if (!grow(c, &c->settings, sizeof(*setting)))
        return;
    struct sql_setting *v = c->settings.v;
    v[c->settings.n++] = *setting;
    collect_name(c, SET_SETTINGS, setting->name);
}

static void derive(struct sql_facts *f)
{
    const uint32_t lasting = SQL_WRITE | SQL_DELETE | SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_ADMIN | SQL_COPY_PROGRAM;
    if (f->dynamic != 0)
        f->classes |= SQL_DYNAMIC;
    f->reads = f->tables_read.n != 0;
    f->writes = f->writes || (f->classes & lasting) != 0 || (f->traits & (SQL_T_FILE_WRITE | SQL_T_PROGRAM)) != 0 ||
                ((f->classes & SQL_PRIVILEGE) != 0 && (f->classes & SQL_ROLE) == 0);
    f->may_write = f->writes || (f->classes & (SQL_DYNAMIC | SQL_PARSE_ERROR)) != 0;
    f->changes_session = f->changes_session || (f->classes & (SQL_SESSION | SQL_ROLE)) != 0;
    if ((f->classes & ~(uint32_t)SQL_MULTI) == 0)
        f->classes |= SQL_READ;
}

enum err collect_facts(struct collect *c, struct sql_facts *ret)
{
    if (c->err != ERR_OK)
        return c->err;
    for (size_t i = 0; i < SET_COUNT; i++) {
        struct sql_names names = {c->sets[i].v, c->sets[i].n};
        memcpy((char *)&c->f + set_offset[i], &names, sizeof(names));
    }
    c->f.named = c->named.v;
    c->f.n_named = c->named.n;
    c->f.setting_changes = c->settings.v;
    c->f.n_setting_changes = c->settings.n;
    derive(&c->f);
    *ret = c->f;
    return ERR_OK;
}

static void add_names(struct collect *c, enum collect_set set, const struct sql_facts *f)
{
    struct sql_names names;
    memcpy(&names, (const char *)f + set_offset[set], sizeof(names));
    for (size_t i = 0; i < names.n; i++)
        if (!set_has(&c->sets[set], names.v[i]))
            set_add(c, &c->sets[set], names.v[i]);
}

static void add_lists(struct collect *c, const struct sql_facts *f)
{
    for (size_t i = 0; i < f->n_named && grow(c, &c->named, sizeof(struct sql_named)); i++)
        ((struct sql_named *)c->named.v)[c->named.n++] = f->named[i];
    for (size_t i = 0; i < f->n_setting_changes && grow(c, &c->settings, sizeof(struct sql_setting)); i++)
        ((struct sql_setting *)c->settings.v)[c->settings.n++] = f->setting_changes[i];
}

void collect_facts_of(struct collect *c, const struct sql_facts *f)
{
    struct sql_facts *to = &c->f;
    for (size_t i = 0; i < SET_COUNT; i++)
        add_names(c, (enum collect_set)i, f);
    add_lists(c, f);
    if (to->command.n == 0)
        to->command = f->command;
    if (to->parse_error.n == 0)
        to->parse_error = f->parse_error;
    if (to->language.n == 0)
        to->language = f->language;
    to->classes |= f->classes;
    to->traits |= f->traits;
    to->dynamic |= f->dynamic;
    to->writes = to->writes || f->writes;
    to->changes_session = to->changes_session || f->changes_session;
    to->has_where = to->has_where && f->has_where;
    to->has_narrow_where = to->has_narrow_where && f->has_narrow_where;
    to->where_tautology = to->where_tautology || f->where_tautology;
    to->has_unqualified_builtins = to->has_unqualified_builtins || f->has_unqualified_builtins;
    to->joins_without_condition += f->joins_without_condition;
    if (f->lock_level > to->lock_level)
        to->lock_level = f->lock_level;
}
