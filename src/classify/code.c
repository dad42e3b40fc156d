#include "classify/code.h"
#include "base/limits.h"
#include "classify/collect.h"

#include <jansson.h>
#include <pg_query.h>
#include <stdlib.h>
#include <strings.h>

static const uint32_t NAME_REASONS = SQL_D_FUNCTION | SQL_D_TYPE | SQL_D_OPERATOR;

bool sql_facts_only_read(const struct sql_facts *f)
{
    const uint32_t harmless = SQL_T_ROW_LOCK | SQL_T_SLEEP;
    return (f->classes & ~(uint32_t)(SQL_READ | SQL_MULTI | SQL_DYNAMIC)) == 0 && (f->dynamic & ~NAME_REASONS) == 0 &&
           (f->traits & ~harmless) == 0 && !f->writes && f->n_named == 0;
}

bool sql_facts_mild(const struct sql_facts *f)
{
    const uint32_t classes = SQL_READ | SQL_WRITE | SQL_MULTI | SQL_DYNAMIC;
    const uint32_t traits = SQL_T_ROW_LOCK | SQL_T_SEQUENCE | SQL_T_UPSERT;
    return (f->classes & ~classes) == 0 && (f->dynamic & ~NAME_REASONS) == 0 && (f->traits & ~traits) == 0 &&
           f->has_narrow_where && f->n_named == 0;
}

/* --- Code as it stands ----------------------------------------------------------------------------- */

/* Code that is not understood is not known. */
static enum err read_text(struct arena *a, struct str text, const struct sql_settings *settings,
                          struct sql_facts *ret)
{
    TRY(classify_sql(a, text, settings, ret));
    if ((ret->classes & SQL_PARSE_ERROR) == 0)
        return ERR_OK;
    ret->classes = SQL_DYNAMIC;
    ret->dynamic = SQL_D_CODE;
    ret->may_write = true;
    return ERR_OK;
}

static enum err read_expressions(struct arena *a, struct str text, const struct sql_settings *settings,
                                 struct sql_facts *ret)
{
    struct str sql;
    TRY(arena_printf(a, &sql, "SELECT %.*s", STR_FMT(text)));
    return read_text(a, sql, settings, ret);
}

/* "BEGIN ATOMIC … END" or "RETURN expression". */
static enum err read_atomic(struct arena *a, struct str text, const struct sql_settings *settings,
                            struct sql_facts *ret)
{
    static const char begin[] = "BEGIN ATOMIC", returns[] = "RETURN ", end[] = "END";
    text = str_trim(text);
    if (str_starts(text, STR(returns)))
        return read_expressions(a, str_from(text.p + strlen(returns), text.n - strlen(returns)), settings, ret);
    if (!str_starts(text, STR(begin)) || !str_ends(text, STR(end)))
        return read_text(a, STR("?"), settings, ret);
    size_t frame = strlen(begin) + strlen(end);
    return read_text(a, str_from(text.p + strlen(begin), text.n - frame), settings, ret);
}

/* The names that its condition uses; making a trigger is not what happens here. */
static enum err read_trigger(struct arena *a, struct str text, const struct sql_settings *settings,
                             struct sql_facts *ret)
{
    struct sql_facts f;
    struct collect c;
    TRY(read_text(a, text, settings, &f));
    collect_init(&c, a);
    for (size_t i = 0; i < f.functions.n; i++)
        collect_kept(&c, SET_UNKNOWN_FUNCTIONS, f.functions.v[i]);
    for (size_t i = 0; i < f.dangerous_functions.n; i++)
        collect_kept(&c, SET_DANGEROUS_FUNCTIONS, f.dangerous_functions.v[i]);
    c.f.dynamic = f.dynamic | (f.dangerous_functions.n != 0 ? SQL_D_CODE : 0);
    return collect_facts(&c, ret);
}

/* --- PL/pgSQL -------------------------------------------------------------------------------------- */

struct body {
    struct arena *a;
    const struct sql_settings *settings;
    struct collect c;
    size_t depth;
};

/* Statements that do nothing but what their expressions do. */
static bool statement_is_known(const char *name)
{
    static const char *const known[] = {
        "block", "assign", "if", "case", "loop", "while", "fori", "fors", "foreach_a", "exit", "return",
        "return_next", "return_query", "raise", "assert", "execsql", "perform", "getdiag",
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return false;
}

static void not_known(struct body *b)
{
    b->c.f.dynamic |= SQL_D_CODE;
}

static void add(struct body *b, const struct sql_facts *f)
{
    collect_facts_of(&b->c, f);
}

/* The right side of an assignment; a target with a call in it is not looked into. */
static struct str assigned(struct str text)
{
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.p[i] == '(' || text.p[i] == '\'' || text.p[i] == '"')
            break;
        if (text.p[i] == ':' && text.p[i + 1] == '=')
            return str_from(text.p + i + 2, text.n - i - 2);
        if (text.p[i] == '=')
            return str_from(text.p + i + 1, text.n - i - 1);
    }
    return (struct str){NULL, 0};
}

/* Text of a statement, an expression, or an assignment. EXPLAIN (SELECT 1) is a statement and a call: where both
 * readings are possible, both count. */
static enum err add_query(struct body *b, struct str text)
{
    struct sql_facts f, expression;
    struct str right = assigned(text);
    TRY(read_text(b->a, text, b->settings, &f));
    TRY(read_expressions(b->a, text, b->settings, &expression));
    if ((f.dynamic & SQL_D_CODE) != 0)
        f = expression;
    else if ((expression.dynamic & SQL_D_CODE) == 0)
        add(b, &expression);
    if ((f.dynamic & SQL_D_CODE) != 0 && right.p != NULL)
        TRY(read_expressions(b->a, right, b->settings, &f));
    add(b, &f);
    return ERR_OK;
}

/* "table.column%TYPE" is a type of that table's rows; "variable%TYPE" one that is looked at where it is declared. */
static struct str declared(struct str type)
{
    static const char of[] = "%TYPE";
    size_t dot = 0;
    type = str_trim(type);
    if (type.n < strlen(of) || strncasecmp(type.p + type.n - strlen(of), of, strlen(of)) != 0)
        return type;
    for (size_t i = 0; i < type.n; i++)
        dot = type.p[i] == '.' ? i : dot;
    return str_from(type.p, dot);
}

/* A variable's type may be a domain, whose checks run. */
static enum err add_type(struct body *b, struct str type)
{
    struct sql_facts f;
    struct str sql;
    type = declared(type);
    if (type.n == 0 || str_is(type, "UNKNOWN") || str_is(type, "record") || str_is(type, "RECORD") || str_is(type, "refcursor"))
        return ERR_OK;
    TRY(arena_printf(b->a, &sql, "SELECT NULL::%.*s", STR_FMT(type)));
    TRY(read_text(b->a, sql, b->settings, &f));
    add(b, &f);
    return ERR_OK;
}

static enum err add_json(struct body *b, const json_t *j);

static enum err add_member(struct body *b, const char *key, const json_t *value)
{
    static const char statement[] = "PLpgSQL_stmt_", dynamic[] = "dynquery";
    struct str text = str_of(json_string_value(value));
    if (strncmp(key, statement, strlen(statement)) == 0 && !statement_is_known(key + strlen(statement)))
        not_known(b);
    if (strcmp(key, dynamic) == 0)
        not_known(b);
    if (strcmp(key, "query") == 0 && text.p != NULL)
        return add_query(b, text);
    if (strcmp(key, "typname") == 0 && text.p != NULL)
        return add_type(b, text);
    return add_json(b, value);
}

/* Everything in the tree is looked at, wherever it stands. */
static enum err add_json(struct body *b, const json_t *j)
{
    const char *key;
    json_t *value;
    if (b->depth >= LIMIT_JSON_DEPTH * 4) {
        not_known(b);
        return ERR_OK;
    }
    b->depth++;
    for (size_t i = 0; i < json_array_size(j); i++)
        TRY(add_json(b, json_array_get(j, i)));
    if (json_is_object(j))
        json_object_foreach((json_t *)(uintptr_t)j, key, value)
            TRY(add_member(b, key, value));
    b->depth--;
    return ERR_OK;
}

static enum err read_parsed(struct body *b, const char *json_text)
{
    json_error_t error;
    json_t *j = json_loads(json_text, 0, &error);
    enum err e = ERR_OK;
    if (j == NULL || json_array_size(j) != 1)
        not_known(b);
    else
        e = add_json(b, j);
    json_decref(j);
    return e;
}

static enum err read_plpgsql(struct arena *a, struct str text, const struct sql_settings *settings,
                             struct sql_facts *ret)
{
    struct body b = {.a = a, .settings = settings};
    struct str z;
    collect_init(&b.c, a);
    struct sql_facts whole;
    enum err e = ERR_OK;
    TRY(read_text(a, text, settings, &whole));
    if (text.n > LIMIT_SQL_BODY || memchr(text.p, '\0', text.n) != NULL || whole.dynamic == SQL_D_CODE) {
        not_known(&b);
    } else {
        TRY(arena_printf(a, &z, "%.*s", STR_FMT(text)));
        PgQueryPlpgsqlParseResult parsed = pg_query_parse_plpgsql(z.p);
        if (parsed.error != NULL || parsed.plpgsql_funcs == NULL)
            not_known(&b);
        else
            e = read_parsed(&b, parsed.plpgsql_funcs);
        pg_query_free_plpgsql_parse_result(parsed);
    }
    TRY(e);
    return collect_facts(&b.c, ret);
}

enum err classify_code(struct arena *a, enum sql_code kind, struct str text, const struct sql_settings *settings,
                       struct sql_facts *ret)
{
    switch (kind) {
    case SQL_CODE_QUERY:
        return read_text(a, text, settings, ret);
    case SQL_CODE_EXPRESSIONS:
        return read_expressions(a, text, settings, ret);
    case SQL_CODE_ATOMIC:
        return read_atomic(a, text, settings, ret);
    case SQL_CODE_PLPGSQL:
        return read_plpgsql(a, text, settings, ret);
    case SQL_CODE_TRIGGER:
        return read_trigger(a, text, settings, ret);
    }
    return ERR_BUG;
}
