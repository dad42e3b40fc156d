/* What is asked about the relations of a statement, and what is made of any answer. */
#include "tap.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/limits.h"
#include "classify/sql.h"
#include "source/pg/relations.h"

struct asking {
    struct arena arena;
    struct sql_facts facts;
    struct pg_relations r;
    struct pg_question_part parts[PG_RELATIONS_PARTS];
};

static void asking_init(struct asking *x, const char *sql)
{
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    arena_init(&x->arena, 64 * MIB);
    CHECK_OK(classify_sql(&x->arena, str_of(sql), &s, &x->facts));
    CHECK_OK(pg_relations_prepare(&x->arena, &x->facts, NULL, 0, &x->r, x->parts));
}

static void asking_done(struct asking *x)
{
    pg_relations_done(&x->r);
    arena_done(&x->arena);
}

/* The answer so far, as JSON; the caller decrefs. */
static json_t *told(struct asking *x)
{
    struct buf b CLEANUP(buf_done) = {0};
    struct json j;
    buf_init(&b, MIB);
    json_init(&j, &b);
    json_object_begin(&j);
    pg_relations_put(&x->r, &j);
    json_object_end(&j);
    CHECK_OK(json_end(&j));
    json_t *v = json_loadb(buf_view(&b).p, buf_len(&b), JSON_REJECT_DUPLICATES, NULL);
    CHECK(json_is_object(v));
    return v;
}

enum { TABLES, TRIGGERS, KEYS, LOCKS };

#define ROW(x, part, ...)                                                                          \
    do {                                                                                           \
        const struct str row_[] = {__VA_ARGS__};                                                   \
        pg_relations_row(&(x)->r, part, row_, ARRAY_LEN(row_));                                    \
    } while (0)
#define NOTHING ((struct str){NULL, 0})

TEST(names_are_asked_for_as_the_statement_means_them)
{
    static const struct {
        const char *sql, *asked;
    } list[] = {
        {"DELETE FROM Orders", "\"orders\""},
        {"DELETE FROM \"Orders\"", "\"Orders\""},
        {"DELETE FROM s.t", "\"s\".\"t\""},
        {"DELETE FROM \"a.b\"", "\"a.b\""},
        {"DELETE FROM \"a\"\"b\".\"c\"\"\"", "\"a\"\"b\".\"c\"\"\""},
        {"DELETE FROM \"x); DROP TABLE y\"", "\"x); DROP TABLE y\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct asking x;
        asking_init(&x, list[i].sql);
        CHECK(x.r.names.n == 1);
        if (x.r.names.n == 1)
            CHECK_STR(x.r.names.v[0], list[i].asked);
        /* Names are parameters, never text of the question. */
        for (size_t k = 0; k < PG_RELATIONS_PARTS; k++)
            CHECK(!str_contains(x.parts[k].sql, STR("DROP")));
        asking_done(&x);
    }
}

TEST(another_databases_relation_is_not_asked_for)
{
    struct asking x;
    asking_init(&x, "SELECT * FROM other.s.t");
    CHECK(x.r.names.n == 0 || !str_contains(x.r.names.v[0], STR("other")));
    asking_done(&x);
    asking_init(&x, "SELECT 1");
    CHECK(x.r.names.n == 0);
    asking_done(&x);
}

TEST(only_triggers_that_would_fire_are_told)
{
    struct asking x;
    asking_init(&x, "DELETE FROM t USING u WHERE t.a = u.a");
    ROW(&x, TRIGGERS, STR("public"), STR("t"), STR("on_delete"), STR("9"), STR("public"), STR("f"));
    ROW(&x, TRIGGERS, STR("public"), STR("t"), STR("on_insert"), STR("5"), STR("public"), STR("f"));
    ROW(&x, TRIGGERS, STR("public"), STR("u"), STR("of_what_is_read"), STR("9"), STR("public"), STR("f"));
    json_t *v = told(&x), *list = json_object_get(v, "triggers");
    CHECK(json_array_size(list) == 1);
    CHECK_STR(str_of(json_string_value(json_object_get(json_array_get(list, 0), "name"))), "on_delete");
    json_decref(v);
    asking_done(&x);
}

TEST(only_keys_that_act_are_told)
{
    struct asking x;
    asking_init(&x, "DELETE FROM t");
    ROW(&x, KEYS, STR("public"), STR("t"), STR("points_here"), STR("public"), STR("u"), STR("c"), STR("a"), STR("7"), STR("0"));
    ROW(&x, KEYS, STR("public"), STR("u"), STR("further"), STR("public"), STR("w"), STR("n"), STR("a"), STR("7"), STR("1"));
    ROW(&x, KEYS, STR("public"), STR("v"), STR("own"), STR("public"), STR("t"), STR("c"), STR("a"), STR("7"), STR("-1"));
    json_t *v = told(&x), *list = json_object_get(v, "foreign_keys");
    CHECK(json_array_size(list) == 2);
    CHECK_STR(str_of(json_string_value(json_object_get(json_array_get(list, 1), "on_delete"))), "SET NULL");
    json_decref(v);
    asking_done(&x);
    asking_init(&x, "INSERT INTO t VALUES (1)");
    ROW(&x, KEYS, STR("public"), STR("t"), STR("points_here"), STR("public"), STR("u"), STR("c"), STR("a"), STR("7"), STR("0"));
    ROW(&x, KEYS, STR("public"), STR("v"), STR("own"), STR("public"), STR("t"), STR("c"), STR("a"), STR("7"), STR("-1"));
    v = told(&x), list = json_object_get(v, "foreign_keys");
    CHECK(json_array_size(list) == 1);
    json_decref(v);
    asking_done(&x);
}

TEST(only_locks_that_exclude_are_told)
{
    static const struct {
        const char *sql, *mode;
        bool told;
    } list[] = {
        {"DELETE FROM t", "AccessShareLock", false},   {"DELETE FROM t", "RowExclusiveLock", false},
        {"DELETE FROM t", "ShareLock", true},          {"DELETE FROM t", "AccessExclusiveLock", true},
        {"SELECT * FROM t", "ExclusiveLock", false},   {"SELECT * FROM t", "AccessExclusiveLock", true},
        {"DROP TABLE t", "AccessShareLock", true},     {"CREATE INDEX ON t (a)", "RowExclusiveLock", true},
        {"CREATE INDEX ON t (a)", "ShareLock", false}, {"DELETE FROM t", "SomeNewLock", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct asking x;
        asking_init(&x, list[i].sql);
        ROW(&x, LOCKS, STR("public"), STR("t"), STR("7"), str_of(list[i].mode), STR("true"), STR("ana"), NOTHING, NOTHING, NOTHING);
        json_t *v = told(&x);
        CHECK(json_array_size(json_object_get(v, "locks")) == (list[i].told ? 1 : 0));
        json_decref(v);
        asking_done(&x);
    }
}

/* NULLs, numbers that are none, too few or too many columns, bytes that are no UTF-8: never more than a missing member. */
TEST(any_answer_gives_json)
{
    static const struct str odd[] = {{NULL, 0}, STR_INIT(""), STR_INIT("-9223372036854775808"), STR_INIT("x"),
                                     STR_INIT("99999999999999999999"), STR_INIT("\xff\"\\\n"), STR_INIT("t")};
    struct asking x;
    asking_init(&x, "DELETE FROM t");
    for (size_t part = 0; part <= PG_RELATIONS_PARTS; part++)
        for (size_t columns = 0; columns <= 10; columns++)
            for (size_t k = 0; k < ARRAY_LEN(odd); k++) {
                struct str row[10];
                for (size_t c = 0; c < columns; c++)
                    row[c] = c == 1 ? STR("t") : odd[(k + c) % ARRAY_LEN(odd)];
                pg_relations_row(&x.r, part, row, columns);
            }
    json_decref(told(&x));
    asking_done(&x);
}

TEST(a_list_that_is_too_long_is_null_and_the_others_stay)
{
    static char name[60000];
    struct asking x;
    memset(name, 'n', sizeof(name));
    asking_init(&x, "DELETE FROM t");
    ROW(&x, TABLES, STR("public"), STR("t"), STR("r"), STR("5"), STR("8192"));
    ROW(&x, TRIGGERS, STR("public"), STR("t"), str_from(name, sizeof(name)), STR("9"), STR("public"), STR("f"));
    json_t *v = told(&x);
    CHECK(json_is_null(json_object_get(v, "triggers")));
    CHECK(json_array_size(json_object_get(v, "tables")) == 1);
    json_decref(v);
    asking_done(&x);
}

TAP_MAIN(T(names_are_asked_for_as_the_statement_means_them),
         T(another_databases_relation_is_not_asked_for),
         T(only_triggers_that_would_fire_are_told),
         T(only_keys_that_act_are_told),
         T(only_locks_that_exclude_are_told),
         T(any_answer_gives_json),
         T(a_list_that_is_too_long_is_null_and_the_others_stay))
