#include "tap.h"

#include "base/buf.h"
#include "base/limits.h"
#include "classify/code.h"
#include "classify/expand.h"
#include "sql_texts.h"

/* A catalogue of a few objects, and the facts of statements gone on with by it. */
struct shelf {
    enum sql_object_kind kind;
    const char *name;
    struct sql_object object;
};

struct world {
    struct arena arena;
    struct shelf shelves[16];
    size_t n, misses;
    bool everything_else_is_plain;
};

static const struct sql_object nothing_special = {.vouched = true};

static const struct sql_object *find(void *ctx, enum sql_object_kind kind, struct str name)
{
    struct world *w = ctx;
    for (size_t i = 0; i < w->n; i++)
        if (w->shelves[i].kind == kind && str_eq(str_of(w->shelves[i].name), name))
            return &w->shelves[i].object;
    w->misses++;
    return w->everything_else_is_plain ? &nothing_special : NULL;
}

static const struct sql_facts *code(struct world *w, enum sql_code kind, const char *text)
{
    struct sql_settings settings = SQL_SETTINGS_DEFAULT;
    struct sql_facts *f = arena_new(&w->arena, struct sql_facts);
    CHECK_OK(classify_code(&w->arena, kind, str_of(text), &settings, f));
    return f;
}

static struct sql_object *add(struct world *w, enum sql_object_kind kind, const char *name)
{
    struct shelf *s = &w->shelves[w->n++];
    *s = (struct shelf){.kind = kind, .name = name, .object = {.vouched = true}};
    return &s->object;
}

static void add_function(struct world *w, const char *name, enum sql_code kind, const char *text)
{
    struct sql_object *o = add(w, SQL_OBJECT_FUNCTION, name);
    o->use = code(w, kind, text);
    o->vouched = sql_facts_only_read(o->use);
}

static void begin(struct world *w)
{
    *w = (struct world){.everything_else_is_plain = true};
    arena_init(&w->arena, LIMIT_ACTION_ARENA);
}

static struct sql_facts expand(struct world *w, const char *text, bool give_up, bool *ret_missing)
{
    struct sql_settings settings = SQL_SETTINGS_DEFAULT;
    struct sql_catalog catalog = {find, w};
    struct sql_names none = {NULL, 0};
    struct sql_facts f, out = {.statements = -1};
    CHECK_OK(classify_sql(&w->arena, str_of(text), &settings, &f));
    CHECK_OK(sql_facts_expand(&w->arena, &f, &none, &catalog, give_up, ret_missing, &out));
    return out;
}

static struct sql_facts known(struct world *w, const char *text)
{
    bool missing = true;
    struct sql_facts f = expand(w, text, false, &missing);
    CHECK(!missing);
    return f;
}

static bool has(const struct sql_names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_is(names->v[i], name))
            return true;
    return false;
}

TEST(plain_names_build_nothing)
{
    static const char *const texts[] = {"SELECT abalance FROM pgbench_accounts WHERE aid = 7",
                                        "UPDATE t SET a = a + 1 WHERE id = 7", "SELECT lower(a), count(*) FROM s.t GROUP BY 1"};
    struct world w;
    begin(&w);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sql_settings settings = SQL_SETTINGS_DEFAULT;
        struct sql_catalog catalog = {find, &w};
        struct sql_names none = {NULL, 0};
        struct sql_facts f, out;
        bool missing = true;
        CHECK_OK(classify_sql(&w.arena, str_of(texts[i]), &settings, &f));
        size_t used = w.arena.used;
        CHECK_OK(sql_facts_expand(&w.arena, &f, &none, &catalog, false, &missing, &out));
        CHECK(!missing && w.arena.used == used && memcmp(&f, &out, sizeof(f)) == 0);
    }
    arena_done(&w.arena);
}

static bool same_field(const struct sql_field *field, const struct sql_facts *a, const struct sql_facts *b)
{
    const char *x = (const char *)a + field->offset, *y = (const char *)b + field->offset;
    switch (field->type) {
    case SQL_FIELD_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case SQL_FIELD_INT:
        return *(const int64_t *)(const void *)x == *(const int64_t *)(const void *)y;
    case SQL_FIELD_TEXT:
        return str_eq(*(const struct str *)(const void *)x, *(const struct str *)(const void *)y);
    case SQL_FIELD_NAMES: {
        const struct sql_names *m = (const void *)x, *n = (const void *)y;
        bool same = m->n == n->n;
        for (size_t i = 0; same && i < m->n; i++)
            same = str_eq(m->v[i], n->v[i]);
        return same;
    }
    default:
        return memcmp(x, y, sizeof(uint32_t)) == 0;
    }
}

/* A function of rows that no text mentions: nothing to say, but the long way. */
TEST(the_short_way_says_what_the_long_way_says)
{
    static const struct str of_rows[] = {STR_INIT("s.not_mentioned")};
    size_t compared = 0;
    for (size_t i = 0; i < ARRAY_LEN(sql_texts); i++) {
        struct world w;
        bool missing_short = true, missing_long = true;
        begin(&w);
        struct sql_facts by_short = expand(&w, sql_texts[i], false, &missing_short);
        add(&w, SQL_OBJECT_AMBIENT, "")->triggers = (struct sql_names){of_rows, 1};
        struct sql_facts by_long = expand(&w, sql_texts[i], false, &missing_long);
        CHECK(missing_short == missing_long);
        for (size_t k = 0; k < sql_fields_count; k++) {
            bool same = same_field(&sql_fields[k], &by_short, &by_long);
            CHECK(same);
            if (!same)
                printf("# %s of %s\n", sql_fields[k].name, sql_texts[i]);
        }
        compared++;
        arena_done(&w.arena);
    }
    CHECK(compared > 100);
}

TEST(a_function_whose_body_only_reads_is_vouched_for)
{
    struct world w;
    begin(&w);
    add_function(&w, "f", SQL_CODE_QUERY, "SELECT balance FROM accounts WHERE id = $1");
    struct sql_facts f = known(&w, "SELECT f(1)");
    CHECK(f.dynamic == 0 && (f.classes & SQL_DYNAMIC) == 0 && !f.may_write && f.unknown_functions.n == 0);
    CHECK(has(&f.tables_read, "accounts") && f.reads);
    arena_done(&w.arena);
}

TEST(a_function_that_writes_stays_unknown_and_says_what_it_does)
{
    struct world w;
    begin(&w);
    add_function(&w, "f", SQL_CODE_QUERY, "DELETE FROM accounts; SELECT 1");
    struct sql_facts f = known(&w, "SELECT f()");
    CHECK(f.dynamic == SQL_D_FUNCTION && has(&f.unknown_functions, "f") && f.may_write);
    CHECK((f.classes & SQL_DELETE) != 0 && has(&f.tables_written, "accounts") && !f.has_narrow_where);
    CHECK_STR(f.command, "SELECT");
    arena_done(&w.arena);
}

TEST(what_a_harmless_body_calls_is_looked_at_too)
{
    struct world w;
    begin(&w);
    add_function(&w, "outer_one", SQL_CODE_QUERY, "SELECT inner_one()");
    add_function(&w, "inner_one", SQL_CODE_QUERY, "DELETE FROM accounts");
    struct sql_facts f = known(&w, "SELECT outer_one()");
    CHECK(f.unknown_functions.n == 1 && has(&f.unknown_functions, "inner_one") && (f.classes & SQL_DYNAMIC) != 0);
    arena_done(&w.arena);
}

TEST(functions_that_call_each_other_come_to_an_end)
{
    struct world w;
    begin(&w);
    add_function(&w, "a", SQL_CODE_QUERY, "SELECT b()");
    add_function(&w, "b", SQL_CODE_QUERY, "SELECT a()");
    struct sql_facts f = known(&w, "SELECT a()");
    CHECK(f.dynamic == 0);
    arena_done(&w.arena);
}

TEST(a_table_brings_its_write_code_only_where_it_is_written)
{
    struct world w;
    begin(&w);
    struct sql_object *t = add(&w, SQL_OBJECT_RELATION, "t");
    t->write = code(&w, SQL_CODE_EXPRESSIONS, "purge()");
    add_function(&w, "purge", SQL_CODE_QUERY, "DELETE FROM accounts");
    struct sql_facts read = known(&w, "SELECT * FROM t"), write = known(&w, "INSERT INTO t DEFAULT VALUES");
    CHECK(read.dynamic == 0);
    CHECK(write.dynamic == SQL_D_FUNCTION && has(&write.unknown_functions, "purge"));
    arena_done(&w.arena);
}

TEST(a_trigger_that_adds_a_row_is_carried_and_one_that_deletes_is_unknown)
{
    struct world w;
    begin(&w);
    struct str trigger = STR("note");
    struct sql_object *t = add(&w, SQL_OBJECT_RELATION, "t");
    t->triggers = (struct sql_names){&trigger, 1};
    add_function(&w, "note", SQL_CODE_QUERY, "INSERT INTO log VALUES (1)");
    struct sql_facts f = known(&w, "UPDATE t SET a = 1 WHERE id = 1");
    CHECK(f.dynamic == 0 && has(&f.tables_written, "log") && f.has_narrow_where);
    w.shelves[1].object.use = code(&w, SQL_CODE_QUERY, "DELETE FROM log");
    f = known(&w, "UPDATE t SET a = 1 WHERE id = 1");
    CHECK(f.dynamic == SQL_D_FUNCTION && has(&f.unknown_functions, "note") && !f.has_narrow_where);
    /* Called by name, adding rows is an effect that the text did not show. */
    w.shelves[1].object = (struct sql_object){.use = code(&w, SQL_CODE_QUERY, "INSERT INTO log VALUES (1)")};
    CHECK(known(&w, "SELECT note()").dynamic == SQL_D_FUNCTION);
    arena_done(&w.arena);
}

TEST(the_breadth_of_a_statement_is_its_own)
{
    struct world w;
    begin(&w);
    struct sql_object *v = add(&w, SQL_OBJECT_RELATION, "v");
    v->use = code(&w, SQL_CODE_QUERY, "SELECT * FROM t");
    struct sql_facts f = known(&w, "SELECT * FROM v WHERE id = 1 LIMIT 3");
    CHECK(f.has_where && f.has_limit && f.limit == 3 && f.statements == 1 && has(&f.tables_read, "t"));
    arena_done(&w.arena);
}

TEST(what_is_missing_is_never_harmless)
{
    struct world w;
    bool missing;
    begin(&w);
    w.everything_else_is_plain = false;
    struct sql_facts f = expand(&w, "SELECT * FROM t", false, &missing);
    CHECK(missing);
    f = expand(&w, "SELECT * FROM t", true, &missing);
    CHECK(f.dynamic == SQL_D_CATALOG && f.may_write && (f.classes & SQL_DYNAMIC) != 0);
    f = expand(&w, "SELECT my()", true, &missing);
    CHECK((f.dynamic & SQL_D_FUNCTION) != 0 && has(&f.unknown_functions, "my"));
    arena_done(&w.arena);
}

TEST(an_overload_of_a_builtin_counts_where_it_has_effects)
{
    struct world w;
    begin(&w);
    struct sql_object *o = add(&w, SQL_OBJECT_OVERLOAD, "lower");
    o->use = code(&w, SQL_CODE_QUERY, "SELECT upper($1)");
    CHECK(known(&w, "SELECT lower('X')").dynamic == 0);
    o->use = code(&w, SQL_CODE_QUERY, "DELETE FROM t");
    o->vouched = false;
    CHECK(known(&w, "SELECT lower('X')").dynamic == SQL_D_FUNCTION);
    CHECK(known(&w, "SELECT upper('X')").dynamic == 0);
    arena_done(&w.arena);
}

TEST(a_column_may_be_a_function_of_the_row)
{
    struct world w;
    begin(&w);
    struct str wipe = STR("public.wipe");
    struct sql_object *o = add(&w, SQL_OBJECT_AMBIENT, "");
    o->triggers = (struct sql_names){&wipe, 1};
    add_function(&w, "public.wipe", SQL_CODE_QUERY, "DELETE FROM t");
    CHECK(known(&w, "SELECT a.wipe FROM t a").dynamic == SQL_D_FUNCTION);
    CHECK(known(&w, "SELECT a.other FROM t a").dynamic == 0);
    arena_done(&w.arena);
}

TEST(a_message_that_defines_and_uses_is_judged_by_what_it_defines)
{
    struct world w;
    begin(&w);
    add_function(&w, "purge", SQL_CODE_QUERY, "DELETE FROM t");
    CHECK(known(&w, "CREATE VIEW v AS SELECT purge(); SELECT * FROM v").dynamic == SQL_D_FUNCTION);
    CHECK(known(&w, "CREATE VIEW v AS SELECT pg_read_file('x'); SELECT * FROM v").dynamic == SQL_D_CATALOG);
    CHECK(known(&w, "CREATE VIEW v AS SELECT 1; SELECT * FROM v").dynamic == 0);
    CHECK(known(&w, "CREATE VIEW v AS SELECT purge()").dynamic == 0);
    CHECK(known(&w, "SET search_path = a; SELECT * FROM t").dynamic == SQL_D_CATALOG);
    arena_done(&w.arena);
}

TEST(more_names_than_the_limit_are_refused_not_cut)
{
    struct world w;
    struct buf sql;
    bool missing;
    begin(&w);
    buf_init(&sql, MIB);
    CHECK_OK(buf_put_str(&sql, STR("SELECT 1 FROM t0")));
    for (int i = 1; i <= (int)LIMIT_SQL_OBJECTS; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), ", t%d", i);
        CHECK_OK(buf_put_str(&sql, str_of(name)));
    }
    struct sql_settings settings = SQL_SETTINGS_DEFAULT;
    struct sql_catalog catalog = {find, &w};
    struct sql_names none = {NULL, 0};
    struct sql_facts f, out;
    CHECK_OK(classify_sql(&w.arena, buf_view(&sql), &settings, &f));
    CHECK_ERR(sql_facts_expand(&w.arena, &f, &none, &catalog, false, &missing, &out), ERR_LIMIT);
    buf_done(&sql);
    arena_done(&w.arena);
}

#define RETURNING(type, body) "CREATE FUNCTION f() RETURNS " type " LANGUAGE plpgsql AS $$ " body " $$"
#define PLPGSQL(body) RETURNING("int", body)

TEST(plpgsql_is_read_statement_by_statement)
{
    static const char *const reads[] = {
        PLPGSQL("BEGIN RETURN 1; END"),
        PLPGSQL("DECLARE x int := 1; BEGIN x := x + 1; IF x > 1 THEN RETURN x; END IF; RETURN 0; END"),
        PLPGSQL("DECLARE r record; BEGIN FOR r IN SELECT * FROM t LOOP NULL; END LOOP; RETURN 0; END"),
        RETURNING("trigger", "BEGIN NEW.at := now(); RETURN NEW; END"),
        RETURNING("trigger", "BEGIN NEW.at = now(); RAISE NOTICE '%', 1; RETURN NEW; END"),
        RETURNING("SETOF int", "BEGIN RETURN QUERY SELECT 1; EXCEPTION WHEN OTHERS THEN RETURN; END"),
    };
    static const char *const not_known[] = {
        PLPGSQL("BEGIN EXECUTE 'SELECT 1'; RETURN 1; END"),
        PLPGSQL("DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT 1' LOOP NULL; END LOOP; RETURN 1; END"),
        RETURNING("SETOF int", "BEGIN RETURN QUERY EXECUTE 'SELECT 1'; END"),
        PLPGSQL("BEGIN COMMIT; RETURN 1; END"),
        PLPGSQL("DECLARE a int[]; BEGIN a[f('x')] := 1; RETURN 1; END"),
        "not SQL at all",
    };
    struct world w;
    begin(&w);
    for (size_t i = 0; i < ARRAY_LEN(reads); i++)
        CHECK(sql_facts_only_read(code(&w, SQL_CODE_PLPGSQL, reads[i])));
    for (size_t i = 0; i < ARRAY_LEN(not_known); i++)
        CHECK(!sql_facts_only_read(code(&w, SQL_CODE_PLPGSQL, not_known[i])));
    const struct sql_facts *f = code(&w, SQL_CODE_PLPGSQL, PLPGSQL("DECLARE x int := evil(); BEGIN RETURN x; END"));
    CHECK(has(&f->unknown_functions, "evil"));
    f = code(&w, SQL_CODE_PLPGSQL, PLPGSQL("BEGIN IF evil() THEN RETURN 1; END IF; RETURN 0; END"));
    CHECK(has(&f->unknown_functions, "evil"));
    f = code(&w, SQL_CODE_PLPGSQL, PLPGSQL("BEGIN DELETE FROM t; RETURN 1; END"));
    CHECK((f->classes & SQL_DELETE) != 0 && !sql_facts_mild(f));
    f = code(&w, SQL_CODE_PLPGSQL, RETURNING("trigger", "BEGIN INSERT INTO t VALUES (1); RETURN NEW; END"));
    CHECK(sql_facts_mild(f) && !sql_facts_only_read(f));
    f = code(&w, SQL_CODE_PLPGSQL, PLPGSQL("DECLARE d my_domain; BEGIN RETURN 1; END"));
    CHECK(has(&f->unknown_types, "my_domain"));
    arena_done(&w.arena);
}

TEST(code_that_is_not_understood_is_not_known)
{
    struct world w;
    begin(&w);
    CHECK(!sql_facts_only_read(code(&w, SQL_CODE_QUERY, "SELEKT 1")));
    CHECK(!sql_facts_only_read(code(&w, SQL_CODE_EXPRESSIONS, "1 +")));
    CHECK(!sql_facts_only_read(code(&w, SQL_CODE_ATOMIC, "SELECT 1")));
    CHECK(sql_facts_only_read(code(&w, SQL_CODE_ATOMIC, "BEGIN ATOMIC\n SELECT 1;\nEND")));
    CHECK(sql_facts_only_read(code(&w, SQL_CODE_ATOMIC, "RETURN ($1 + 1)")));
    CHECK(!sql_facts_only_read(code(&w, SQL_CODE_ATOMIC, "BEGIN ATOMIC\n DELETE FROM t;\nEND")));
    const struct sql_facts *f = code(&w, SQL_CODE_TRIGGER,
                                     "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW WHEN (evil(NEW.x)) EXECUTE FUNCTION g()");
    CHECK(has(&f->unknown_functions, "evil"));
    arena_done(&w.arena);
}

TEST(names_are_split_as_they_are_spelled)
{
    static const struct {
        const char *spelled, *schema, *name;
    } names[] = {{"t", "", "t"}, {"a.t", "a", "t"}, {"\"a.b\".t", "a.b", "t"}, {"a.\"x\"\"y\"", "a", "x\"y"},
                 {"\"with.dot\"", "", "with.dot"}};
    struct world w;
    begin(&w);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str schema, name, again;
        CHECK_OK(sql_name_split(&w.arena, str_of(names[i].spelled), &schema, &name));
        CHECK_STR(schema, names[i].schema);
        CHECK_STR(name, names[i].name);
        CHECK_OK(sql_name_spell(&w.arena, schema, name, &again));
        CHECK_STR(again, names[i].spelled);
    }
    arena_done(&w.arena);
}

TAP_MAIN(T(plain_names_build_nothing), T(the_short_way_says_what_the_long_way_says), T(a_function_whose_body_only_reads_is_vouched_for),
         T(a_function_that_writes_stays_unknown_and_says_what_it_does),
         T(what_a_harmless_body_calls_is_looked_at_too), T(functions_that_call_each_other_come_to_an_end),
         T(a_table_brings_its_write_code_only_where_it_is_written),
         T(a_trigger_that_adds_a_row_is_carried_and_one_that_deletes_is_unknown),
         T(the_breadth_of_a_statement_is_its_own), T(what_is_missing_is_never_harmless),
         T(an_overload_of_a_builtin_counts_where_it_has_effects), T(a_column_may_be_a_function_of_the_row),
         T(a_message_that_defines_and_uses_is_judged_by_what_it_defines),
         T(more_names_than_the_limit_are_refused_not_cut), T(plpgsql_is_read_statement_by_statement),
         T(code_that_is_not_understood_is_not_known), T(names_are_split_as_they_are_spelled))
