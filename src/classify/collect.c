#include "classify/collect.h"

enum { SMALL_SET = 12, FIRST_SIZE = 4, SPARE = 512, SPARE_MOST = 128 };

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
    [SET_ALTERATIONS] = offsetof(struct sql_facts, alterations),
    [SET_FUNCTIONS] = offsetof(struct sql_facts, functions),
    [SET_UNKNOWN_FUNCTIONS] = offsetof(struct sql_facts, unknown_functions),
    [SET_DANGEROUS_FUNCTIONS] = offsetof(struct sql_facts, dangerous_functions),
    [SET_UNKNOWN_TYPES] = offsetof(struct sql_facts, unknown_types),
    [SET_UNKNOWN_OPERATORS] = offsetof(struct sql_facts, unknown_operators),
    [SET_SETTINGS] = offsetof(struct sql_facts, settings),
    [SET_EXECUTE_NAMES] = offsetof(struct sql_facts, execute_names),
    [SET_FETCH_NAMES] = offsetof(struct sql_facts, fetch_names),
};

_Static_assert(SET_ALL <= 32, "a bit of `used` for each set");

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

/* n bytes aligned for a struct str; NULL after an error. */
static void *take(struct collect *c, size_t n)
{
    n = (n + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    if (UNLIKELY(n > c->spare_left)) {
        bool large = n > SPARE_MOST;
        char *p = arena_alloc(c->arena, large ? n : SPARE);
        if (p == NULL) {
            fail(c, ERR_NOMEM);
            return NULL;
        }
        if (large)
            return p;
        c->spare = p;
        c->spare_left = SPARE;
    }
    void *p = c->spare;
    c->spare += n;
    c->spare_left -= n;
    return p;
}

struct str collect_text(struct collect *c, struct str s)
{
    char *p = s.n < SIZE_MAX / 2 ? take(c, s.n + 1) : NULL;
    if (p == NULL)
        return (struct str){NULL, 0};
    if (s.n != 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}

/* Room for one more; the old array stays behind in the arena, at most as much again. */
static bool grow(struct collect *c, struct collect_list *l, size_t item)
{
    if (l->n < l->size)
        return true;
    size_t size = l->size != 0 ? l->size * 2 : FIRST_SIZE;
    void *v = take(c, size * item);
    if (v == NULL)
        return false;
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
    uint32_t at = set_hash(s, s->v[index]) & (s->size * 2 - 1);
    while (s->slots[at] != 0)
        at = (at + 1) & (s->size * 2 - 1);
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
    for (uint32_t i = 0; i < s->n; i++)
        slot_put(s, i);
    return true;
}

static inline bool same(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0));
}

/* The entry of that name; NULL where there is none. */
static const struct str *set_find(const struct name_set *s, struct str name)
{
    if (s->slots == NULL) {
        for (uint32_t i = 0; i < s->n; i++)
            if (same(s->v[i], name))
                return &s->v[i];
        return NULL;
    }
    for (uint32_t at = set_hash(s, name) & (s->size * 2 - 1); s->slots[at] != 0; at = (at + 1) & (s->size * 2 - 1))
        if (same(s->v[s->slots[at] - 1], name))
            return &s->v[s->slots[at] - 1];
    return NULL;
}

static bool set_grow(struct collect *c, struct name_set *s)
{
    if (LIKELY(s->size == 0)) {
        s->v = take(c, FIRST_SIZE * sizeof(*s->v));
        s->size = s->v != NULL ? FIRST_SIZE : 0;
        return s->v != NULL;
    }
    struct collect_list l = {s->v, s->n, s->size};
    if (!grow(c, &l, sizeof(*s->v)))
        return false;
    s->v = l.v;
    s->size = (uint32_t)l.size;
    return s->size <= SMALL_SET || slots_grow(c, s);
}

/* name is not in the set and outlives it. */
static inline void set_add(struct collect *c, struct name_set *s, struct str name)
{
    if (s->n == s->size && !set_grow(c, s))
        return;
    s->v[s->n++] = name;
    c->used |= UINT32_C(1) << (s - c->sets);
    if (s->slots != NULL)
        slot_put(s, s->n - 1);
}

struct str collect_name(struct collect *c, enum collect_set set, struct str name)
{
    struct name_set *s = &c->sets[set];
    const struct str *old = set_find(s, name);
    if (old != NULL)
        return *old;
    struct str copy = collect_text(c, name);
    if (c->err == ERR_OK)
        set_add(c, s, copy);
    return copy;
}

void collect_kept(struct collect *c, enum collect_set set, struct str name)
{
    if (set_find(&c->sets[set], name) == NULL)
        set_add(c, &c->sets[set], name);
}


void collect_table(struct collect *c, struct str full, struct str name, unsigned roles)
{
    struct name_set *s = &c->sets[SET_TABLES];
    struct table_entry *v = c->tables.v;
    const struct str *old = set_find(s, full);
    if (old != NULL) {
        v[old - s->v].roles |= (uint8_t)roles;
        return;
    }
    struct str kept = collect_text(c, full);
    if (c->err != ERR_OK || !grow(c, &c->tables, sizeof(*v)))
        return;
    set_add(c, s, kept);
    bool suffix = str_ends(full, name); /* else it holds a quote */
    v = c->tables.v;
    v[c->tables.n++] = (struct table_entry){
        suffix ? str_from(kept.p + kept.n - name.n, name.n) : collect_text(c, name), (uint8_t)roles};
}

static void share_set(struct collect *c, enum collect_set set, const struct name_set *from)
{
    c->sets[set] = (struct name_set){from->v, from->n, from->n, NULL};
    c->used |= UINT32_C(1) << set;
}

/* The tables of one role: the list of all where all have it, which is nearly always. */
static void split_role(struct collect *c, enum collect_set set, unsigned role)
{
    const struct table_entry *v = c->tables.v;
    const struct name_set *all = &c->sets[SET_TABLES];
    size_t have = 0;
    for (size_t i = 0; i < c->tables.n; i++)
        have += (v[i].roles & role) != 0;
    if (have == all->n) {
        share_set(c, set, all);
        return;
    }
    for (size_t i = 0; i < c->tables.n && have != 0; i++)
        if ((v[i].roles & role) != 0)
            collect_kept(c, set, all->v[i]);
}

static void split_tables(struct collect *c)
{
    const struct table_entry *v = c->tables.v;
    const struct name_set *all = &c->sets[SET_TABLES];
    bool plain = true;
    split_role(c, SET_TABLES_READ, TABLE_READ);
    split_role(c, SET_TABLES_WRITTEN, TABLE_WRITTEN);
    split_role(c, SET_TABLES_CREATED, TABLE_CREATED);
    for (size_t i = 0; i < c->tables.n; i++)
        plain = plain && v[i].name.n == all->v[i].n;
    if (plain)
        share_set(c, SET_TABLE_NAMES, all);
    for (size_t i = 0; i < c->tables.n && !plain; i++)
        collect_kept(c, SET_TABLE_NAMES, v[i].name);
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

/* A column reference that names a relation or its alias is its whole row (PostgreSQL manual, 8.16.5), and so is `*`. */
static bool names_a_row(const struct collect *c)
{
    const struct name_set *columns = &c->sets[SET_COLUMNS];
    for (uint32_t i = 0; i < columns->n; i++)
        if (str_is(columns->v[i], "*") || set_find(&c->sets[SET_TABLE_NAMES], columns->v[i]) != NULL ||
            set_find(&c->sets[SET_ALIASES], columns->v[i]) != NULL)
            return true;
    return false;
}

enum err collect_facts(struct collect *c, struct sql_facts *ret)
{
    if (c->tables.n != 0)
        split_tables(c);
    if (c->err != ERR_OK)
        return c->err;
    c->f.whole_rows = c->f.whole_rows || names_a_row(c);
    for (uint32_t used = c->used & ((UINT32_C(1) << SET_COUNT) - 1); used != 0; used &= used - 1) {
        int i = __builtin_ctz(used);
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
        collect_kept(c, set, names.v[i]);
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
    to->whole_rows = to->whole_rows || f->whole_rows;
    to->has_unqualified_builtins = to->has_unqualified_builtins || f->has_unqualified_builtins;
    to->joins_without_condition += f->joins_without_condition;
    if (f->lock_level > to->lock_level)
        to->lock_level = f->lock_level;
}
