#include "classify/expand.h"
#include "base/limits.h"
#include "classify/code.h"
#include "classify/collect.h"
#include "classify/functions.h"

/* A name still to be looked at, and in what manner it is used. */
enum use { USE = 1, USE_WRITE, USE_TRIGGER };

struct item {
    enum sql_object_kind kind;
    enum use use;
    struct str name;
};

/* Reasons for doubt that the catalogue can take away. */
enum { SETTLED = SQL_D_FUNCTION | SQL_D_TYPE | SQL_D_OPERATOR | SQL_D_FUNCTION_OID };

struct expand {
    struct arena *a;
    const struct sql_catalog *catalog;
    struct collect c;
    struct item items[LIMIT_SQL_OBJECTS];
    size_t n, at;
    const struct sql_names *row_functions;
    bool missing, overflow, give_up;
    uint32_t doubts; /* reasons that stay */
};

/* --- Names ----------------------------------------------------------------------------------------- */

/* One part, from p on; *ret_rest begins behind it. */
static enum err take_part(struct arena *a, struct str s, struct str *ret_part, struct str *ret_rest)
{
    if (s.n == 0 || s.p[0] != '"') {
        const char *dot = s.n != 0 ? memchr(s.p, '.', s.n) : NULL;
        size_t n = dot != NULL ? (size_t)(dot - s.p) : s.n;
        *ret_part = str_from(s.p, n);
        *ret_rest = str_from(s.p + n, s.n - n);
        return ERR_OK;
    }
    char *out = arena_alloc(a, s.n);
    size_t n = 0, i = 1;
    if (out == NULL)
        return ERR_NOMEM;
    for (; i < s.n; i++) {
        if (s.p[i] == '"' && (i + 1 == s.n || s.p[i + 1] != '"'))
            break;
        i += s.p[i] == '"';
        out[n++] = s.p[i];
    }
    *ret_part = (struct str){out, n};
    *ret_rest = i < s.n ? str_from(s.p + i + 1, s.n - i - 1) : (struct str){s.p + s.n, 0};
    return ERR_OK;
}

enum err sql_name_split(struct arena *a, struct str spelled, struct str *ret_schema, struct str *ret_name)
{
    struct str first, second, rest;
    TRY(take_part(a, spelled, &first, &rest));
    if (rest.n == 0 || rest.p[0] != '.') {
        *ret_schema = (struct str){NULL, 0};
        *ret_name = first;
        return ERR_OK;
    }
    TRY(take_part(a, str_from(rest.p + 1, rest.n - 1), &second, &rest));
    *ret_schema = first;
    *ret_name = second;
    return ERR_OK;
}

static size_t spell_part(char *out, struct str part)
{
    bool quote = part.n != 0 && (memchr(part.p, '.', part.n) != NULL || memchr(part.p, '"', part.n) != NULL);
    size_t n = 0;
    if (quote)
        out[n++] = '"';
    for (size_t i = 0; i < part.n; i++) {
        out[n++] = part.p[i];
        if (part.p[i] == '"')
            out[n++] = '"';
    }
    if (quote)
        out[n++] = '"';
    return n;
}

enum err sql_name_spell(struct arena *a, struct str schema, struct str name, struct str *ret)
{
    char *out = arena_alloc(a, 2 * (schema.n + name.n) + 8);
    size_t n = 0;
    if (out == NULL)
        return ERR_NOMEM;
    if (schema.n != 0 && !str_is(schema, "pg_catalog")) {
        n = spell_part(out, schema);
        out[n++] = '.';
    }
    n += spell_part(out + n, name);
    *ret = (struct str){out, n};
    return ERR_OK;
}

/* --- The list of names ----------------------------------------------------------------------------- */

static void push(struct expand *x, enum sql_object_kind kind, enum use use, struct str name)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->items[i].kind == kind && x->items[i].use == use && str_eq(x->items[i].name, name))
            return;
    if (x->n == LIMIT_SQL_OBJECTS) {
        x->overflow = true;
        return;
    }
    x->items[x->n++] = (struct item){kind, use, name};
}

static void push_all(struct expand *x, enum sql_object_kind kind, enum use use, const struct sql_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        push(x, kind, use, names->v[i]);
}

static bool has(const struct sql_names *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_eq(names->v[i], name))
            return true;
    return false;
}

/* Built-ins are the server's own. */
static bool is_builtin_relation(struct str name)
{
    return str_starts(name, STR("pg_catalog.")) || str_starts(name, STR("information_schema."));
}

static void push_names(struct expand *x, const struct sql_facts *f)
{
    for (size_t i = 0; i < f->tables.n; i++)
        if (!is_builtin_relation(f->tables.v[i]))
            push(x, SQL_OBJECT_RELATION, has(&f->tables_written, f->tables.v[i]) ? USE_WRITE : USE, f->tables.v[i]);
    push_all(x, SQL_OBJECT_FUNCTION, USE, &f->unknown_functions);
    push_all(x, SQL_OBJECT_TYPE, USE, &f->unknown_types);
    push_all(x, SQL_OBJECT_OPERATOR, USE, &f->unknown_operators);
    if (f->has_unqualified_builtins || f->columns.n != 0 || f->tables.n != 0)
        push(x, SQL_OBJECT_AMBIENT, USE, (struct str){NULL, 0});
    if ((f->classes & (SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_PRIVILEGE)) != 0)
        push(x, SQL_OBJECT_DEFINITIONS, USE, (struct str){NULL, 0});
    if (!f->has_unqualified_builtins)
        return;
    for (size_t i = 0; i < f->functions.n; i++)
        if (memchr(f->functions.v[i].p, '.', f->functions.v[i].n) == NULL &&
            !has(&f->unknown_functions, f->functions.v[i]))
            push(x, SQL_OBJECT_OVERLOAD, USE, f->functions.v[i]);
}

/* --- What objects bring ---------------------------------------------------------------------------- */

static void add_names(struct expand *x, enum collect_set set, const struct sql_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        (void)collect_name(&x->c, set, names->v[i]);
}

static void add_lists(struct expand *x, const struct sql_facts *f)
{
    add_names(x, SET_TABLES, &f->tables);
    add_names(x, SET_TABLE_NAMES, &f->table_names);
    add_names(x, SET_TABLES_READ, &f->tables_read);
    add_names(x, SET_TABLES_WRITTEN, &f->tables_written);
    add_names(x, SET_COLUMNS, &f->columns);
    add_names(x, SET_COLUMNS_WRITTEN, &f->columns_written);
    add_names(x, SET_FUNCTIONS, &f->functions);
    add_names(x, SET_DANGEROUS_FUNCTIONS, &f->dangerous_functions);
    add_names(x, SET_COMMANDS, &f->commands);
}

/* Breadth is that of the statement itself, but for rows that the code writes. */
static void carry(struct expand *x, const struct sql_facts *f)
{
    struct sql_facts *to = &x->c.f;
    if (f == NULL)
        return;
    add_lists(x, f);
    to->classes |= f->classes & ~(uint32_t)(SQL_MULTI | SQL_DYNAMIC | SQL_READ);
    to->traits |= f->traits;
    x->doubts |= f->dynamic & ~(uint32_t)(SQL_D_FUNCTION | SQL_D_TYPE | SQL_D_OPERATOR);
    to->writes = to->writes || f->writes;
    to->changes_session = to->changes_session || f->changes_session;
    to->whole_rows = to->whole_rows || f->whole_rows;
    if (f->writes && (f->classes & (SQL_WRITE | SQL_DELETE)) != 0 && f->tables_written.n != 0) {
        to->has_where = to->has_where && f->has_where;
        to->has_narrow_where = to->has_narrow_where && f->has_narrow_where;
        to->where_tautology = to->where_tautology || f->where_tautology;
    }
    if (f->lock_level > to->lock_level)
        to->lock_level = f->lock_level;
    push_names(x, f);
}

static void doubt(struct expand *x, const struct item *i)
{
    static const struct {
        enum sql_object_kind kind;
        enum collect_set set;
        uint32_t reason;
    } doubts[] = {{SQL_OBJECT_TYPE, SET_UNKNOWN_TYPES, SQL_D_TYPE},
                  {SQL_OBJECT_OPERATOR, SET_UNKNOWN_OPERATORS, SQL_D_OPERATOR}};
    for (size_t k = 0; k < ARRAY_LEN(doubts); k++) {
        if (i->kind != doubts[k].kind)
            continue;
        (void)collect_name(&x->c, doubts[k].set, i->name);
        x->doubts |= doubts[k].reason;
        return;
    }
    if (i->name.n != 0)
        (void)collect_name(&x->c, SET_UNKNOWN_FUNCTIONS, i->name);
    x->doubts |= SQL_D_FUNCTION;
}

static void take_relation(struct expand *x, const struct item *i, const struct sql_object *o)
{
    carry(x, o->use);
    if (i->use != USE_WRITE)
        return;
    carry(x, o->write);
    push_all(x, SQL_OBJECT_FUNCTION, USE_TRIGGER, &o->triggers);
}

/* Where a row has no such column, a.f calls f(a). */
static void push_columns(struct expand *x)
{
    const struct name_set *columns = &x->c.sets[SET_COLUMNS];
    for (size_t i = 0; x->row_functions != NULL && i < x->row_functions->n; i++) {
        struct str full = x->row_functions->v[i], schema, name;
        if (sql_name_split(x->a, full, &schema, &name) != ERR_OK) {
            x->overflow = true;
            return;
        }
        for (uint32_t k = 0; k < columns->n; k++)
            if (str_eq(columns->v[k], name))
                push(x, SQL_OBJECT_FUNCTION, USE, full);
    }
}

static void take_object(struct expand *x, const struct item *i, const struct sql_object *o)
{
    if (i->kind == SQL_OBJECT_AMBIENT)
        x->row_functions = &o->triggers;
    if (i->kind == SQL_OBJECT_DEFINITIONS)
        push_all(x, SQL_OBJECT_FUNCTION, USE_TRIGGER, &o->triggers);
    if (i->kind == SQL_OBJECT_RELATION) {
        take_relation(x, i, o);
        return;
    }
    carry(x, o->use);
    if (i->name.n == 0)
        return; /* not a name of the text: what it brings has been taken */
    bool mild = i->use == USE_TRIGGER && o->use != NULL && sql_facts_mild(o->use);
    if (!o->vouched && !mild)
        doubt(x, i);
}

static void look_at(struct expand *x, const struct item *i)
{
    const struct sql_object *o = x->catalog->find(x->catalog->ctx, i->kind, i->name);
    if (o != NULL) {
        take_object(x, i, o);
        return;
    }
    x->missing = true;
    if (i->kind != SQL_OBJECT_RELATION && i->kind != SQL_OBJECT_OVERLOAD && i->name.n != 0)
        doubt(x, i);
    if (x->give_up)
        x->doubts |= SQL_D_CATALOG;
}

/* --- The whole ------------------------------------------------------------------------------------- */

/* Everything of f but the names in doubt, which come back where they are not vouched for. */
static void begin(struct expand *x, const struct sql_facts *f)
{
    struct sql_facts rest = *f;
    rest.unknown_functions = rest.unknown_types = rest.unknown_operators = (struct sql_names){NULL, 0};
    rest.dynamic &= ~(uint32_t)SETTLED;
    rest.classes &= ~(uint32_t)SQL_DYNAMIC;
    collect_facts_of(&x->c, &rest);
    push_names(x, f);
}

/* What a message defines and then uses the catalogue does not know yet: the functions that the definitions name are
 * looked at, and one with effects of its own is enough. */
static void push_made(struct expand *x, const struct sql_facts *f)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        const struct sql_facts *part = &f->parts[i];
        bool defines = (part->classes & SQL_DDL) != 0;
        for (size_t k = 0; defines && k < part->functions.n; k++) {
            enum sql_function_kind kind = sql_function_kind(part->functions.v[k]);
            if (sql_function_unvouched(kind))
                push(x, SQL_OBJECT_FUNCTION, USE, part->functions.v[k]);
            else if (kind != SQL_FN_HARMLESS && kind != SQL_FN_SEQUENCE)
                x->doubts |= SQL_D_CATALOG;
        }
    }
}

/* A message that changes what names mean before it uses them is looked at too early. */
static bool shifts_names(const struct sql_facts *f)
{
    return f->n_parts > 1 && ((f->traits & SQL_T_SEARCH_PATH) != 0 || (f->classes & SQL_ROLE) != 0) &&
           (f->tables.n != 0 || f->unknown_functions.n != 0);
}

static enum err finish(struct expand *x, const struct sql_facts *f, struct sql_facts *ret)
{
    struct sql_facts done;
    if (shifts_names(f))
        x->doubts |= SQL_D_CATALOG;
    x->c.f.dynamic |= x->doubts;
    TRY(collect_facts(&x->c, &done));
    done.statements = f->statements;
    done.has_limit = f->has_limit;
    done.limit = f->limit;
    done.parts = f->parts;
    done.n_parts = f->n_parts;
    done.offset = f->offset;
    done.length = f->length;
    *ret = done;
    return ERR_OK;
}

/* --- Where nothing is to be said -------------------------------------------------------------------- */

static const struct sql_object *known(const struct sql_catalog *c, enum sql_object_kind kind, struct str name)
{
    return c->find(c->ctx, kind, name);
}

static bool tables_are_plain(const struct sql_facts *f, const struct sql_catalog *c)
{
    for (size_t i = 0; i < f->tables.n; i++) {
        if (is_builtin_relation(f->tables.v[i]))
            continue;
        const struct sql_object *o = known(c, SQL_OBJECT_RELATION, f->tables.v[i]);
        if (o == NULL || o->use != NULL)
            return false;
        if ((o->write != NULL || o->triggers.n != 0) && has(&f->tables_written, f->tables.v[i]))
            return false;
    }
    return true;
}

static bool builtins_are_their_own(const struct sql_facts *f, const struct sql_catalog *c)
{
    for (size_t i = 0; f->has_unqualified_builtins && i < f->functions.n; i++) {
        struct str name = f->functions.v[i];
        const struct sql_object *o =
            memchr(name.p, '.', name.n) == NULL ? known(c, SQL_OBJECT_OVERLOAD, name) : NULL;
        if (memchr(name.p, '.', name.n) == NULL && (o == NULL || !o->vouched || o->use != NULL))
            return false;
    }
    return true;
}

/* Every name is known and brings nothing: the facts stay what they are. Of each new text of an application this is
 * asked, so it builds nothing. */
static bool is_plain(const struct sql_facts *f, const struct sql_names *types, const struct sql_catalog *c)
{
    const uint32_t defines = SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_PRIVILEGE;
    if (types->n != 0 || f->n_parts != 0 || (f->classes & defines) != 0 || (f->dynamic & SETTLED) != 0 ||
        f->unknown_functions.n != 0 || f->unknown_types.n != 0 || f->unknown_operators.n != 0 ||
        f->tables.n + f->functions.n + 1 > LIMIT_SQL_OBJECTS)
        return false;
    const struct sql_object *ambient = known(c, SQL_OBJECT_AMBIENT, (struct str){NULL, 0});
    return ambient != NULL && ambient->use == NULL && ambient->triggers.n == 0 && tables_are_plain(f, c) &&
           builtins_are_their_own(f, c);
}

enum err sql_facts_expand(struct arena *a, const struct sql_facts *f, const struct sql_names *types,
                          const struct sql_catalog *catalog, bool give_up, bool *ret_missing, struct sql_facts *ret)
{
    if (is_plain(f, types, catalog)) {
        *ret_missing = false;
        *ret = *f;
        return ERR_OK;
    }
    struct expand *x = arena_alloc(a, sizeof(*x));
    if (x == NULL)
        return ERR_NOMEM;
    x->a = a;
    x->catalog = catalog;
    x->give_up = give_up;
    x->n = x->at = 0;
    x->missing = x->overflow = false;
    x->doubts = 0;
    x->row_functions = NULL;
    collect_init(&x->c, a);
    begin(x, f);
    push_all(x, SQL_OBJECT_TYPE, USE, types);
    push_made(x, f);
    while (x->at < x->n && !x->overflow) {
        struct item i = x->items[x->at++];
        look_at(x, &i);
        if (x->at == x->n)
            push_columns(x);
    }
    if (x->overflow)
        return ERR_LIMIT;
    *ret_missing = x->missing;
    return finish(x, f, ret);
}
