#include "sql_text.h"

#include <stdlib.h>

#include "classify/shape.h"

static struct sql_shape shape_with(const char *text, struct sql_settings settings)
{
    struct sql_facts f = facts_with(str_of(text), settings);
    struct sql_shape s = {.text = {NULL, 0}};
    CHECK_OK(sql_shape_of(&sql_text_arena, str_of(text), &settings, &f, &s));
    return s;
}

static struct sql_shape shape(const char *text)
{
    return shape_with(text, SQL_SETTINGS_DEFAULT);
}

static bool alike(const char *a, const char *b)
{
    struct sql_shape x = shape(a), y = shape(b);
    bool same = x.text.n != 0 && digest_eq(&x.digest, &y.digest);
    CHECK(!same || str_eq(x.text, y.text));
    return same;
}

TEST(values_are_taken_out_and_nothing_else)
{
    CHECK_STR(shape("DELETE FROM orders WHERE id = 17 AND note = 'late'").text,
              "delete from orders where id = $int and note = $text");
    CHECK_STR(shape("update T set \"A b\" = 1.5, c = B'01', d = NULL where id = $1").text,
              "update t set \"A b\" = $number , c = $bits , d = null where id = $1");
    CHECK(alike("DELETE FROM orders WHERE id = 17", "delete from ORDERS\twhere id=4 -- again\n;"));
    CHECK(alike("UPDATE t SET a = 'x' WHERE id = 1", "UPDATE t SET a = E'y\\n' WHERE id = 2"));
    CHECK(alike("INSERT INTO t (a, b) VALUES (1, 'x')", "INSERT INTO t (a, b) VALUES (2, $$it's$$)"));
    CHECK(alike("SELECT a FROM t WHERE b = U&'d\\0061t' AND c = 1", "SELECT a FROM t WHERE b = U&'x' AND c = 2"));
}

TEST(another_tree_is_another_shape)
{
    static const char *const pairs[][2] = {
        {"DELETE FROM orders WHERE id = 1", "DELETE FROM orders WHERE id = 1 OR id = 2"},
        {"DELETE FROM orders WHERE id = 1", "DELETE FROM orders WHERE id > 1"},
        {"DELETE FROM orders WHERE id = 1", "DELETE FROM \"Orders\" WHERE id = 1"},
        {"DELETE FROM orders WHERE id = 1", "DELETE FROM s.orders WHERE id = 1"},
        {"DELETE FROM orders WHERE id = 1", "DELETE FROM orders WHERE id = '1'"},
        {"DELETE FROM orders WHERE id = 1", "DELETE FROM orders WHERE id = -1"},
        {"DELETE FROM orders WHERE id = 1", "DELETE FROM orders WHERE id = $1"},
        {"DELETE FROM orders WHERE id = 1", "DELETE FROM orders WHERE id = 1 RETURNING *"},
        {"DELETE FROM orders WHERE id IN (1, 2)", "DELETE FROM orders WHERE id IN (1, 2, 3)"},
        {"DELETE FROM t WHERE a = $1 AND b = $2", "DELETE FROM t WHERE a = $2 AND b = $1"},
        {"UPDATE t SET a = 1 WHERE id = 1", "UPDATE t SET b = 1 WHERE id = 1"},
        {"UPDATE t SET a = NULL WHERE id = 1", "UPDATE t SET a = 5 WHERE id = 1"},
        {"UPDATE t SET a = true WHERE id = 1", "UPDATE t SET a = false WHERE id = 1"},
        {"SELECT a AS x FROM t", "SELECT a AS y FROM t"},
        {"SELECT a - 5 FROM t", "SELECT a + 5 FROM t"},
        {"DELETE FROM t WHERE \"a b\" = 1", "DELETE FROM t WHERE a b = 1"},
        {"DELETE FROM U&\"orders\" WHERE id = 1", "DELETE FROM U&\"customers\" WHERE id = 1"},
        {"DELETE FROM U&\"a!0041\" UESCAPE '!' WHERE id = 1", "DELETE FROM U&\"a!0042\" UESCAPE '!' WHERE id = 1"},
        {"UPDATE t SET n = 'x' WHERE id = 1", "UPDATE t SET n = 'x' WHERE id = 1 --'"},
    };
    for (size_t i = 0; i + 1 < ARRAY_LEN(pairs); i++)
        if (alike(pairs[i][0], pairs[i][1])) {
            CHECK(false);
            printf("# %s\n# %s\n", pairs[i][0], pairs[i][1]);
        }
    CHECK(alike(pairs[ARRAY_LEN(pairs) - 1][0], pairs[ARRAY_LEN(pairs) - 1][1])); /* a comment is none */
}

TEST(a_value_that_widens_the_condition_is_not_covered)
{
    CHECK(!alike("DELETE FROM orders WHERE id = 5 OR 1 = 0", "DELETE FROM orders WHERE id = 5 OR 1 = 1"));
    CHECK(!alike("DELETE FROM orders WHERE id = 5 OR 'a' = 'b'", "DELETE FROM orders WHERE id = 5 OR 'a' = 'a'"));
    CHECK(!alike("DELETE FROM orders WHERE id = 5 OR length('ab') = 1",
                 "DELETE FROM orders WHERE id = 5 OR length('ab') = 2"));
    CHECK(!alike("DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 10)",
                 "DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 1000000)"));
    CHECK(!alike("DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT (10))",
                 "DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT (1000000))"));
    CHECK(!alike("SELECT a FROM t FETCH FIRST 5 ROWS ONLY", "SELECT a FROM t FETCH FIRST 6 ROWS ONLY"));
    CHECK(!alike("SELECT a FROM t TABLESAMPLE bernoulli (1)", "SELECT a FROM t TABLESAMPLE bernoulli (99)"));
    CHECK(alike("DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 10) AND a = 1",
                "DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 10) AND a = 2"));
    CHECK(!alike("/*+ SeqScan(t) */ SELECT a FROM t", "/*+ Set(search_path evil) */ SELECT a FROM t"));
}

TEST(what_cannot_be_judged_has_no_shape)
{
    static const char *const texts[] = {
        "DELETE FROM t WHERE id = 1; DELETE FROM t WHERE id = 2",
        ";DELETE FROM t WHERE id = 1",
        "DELETE FORM t",
        "",
        "SELECT f(1)",
        "SELECT query_to_xml('select 1', true, true, '')",
        "SELECT pg_terminate_backend(5)",
        "SELECT set_config('role', 'admin', false)",
        "SELECT pg_read_file('a')",
        "SELECT nextval('s')",
        "SELECT 1::mine",
        "DO $$ begin end $$",
        "CALL p(1)",
        "EXECUTE p(1)",
        "EXPLAIN ANALYZE DELETE FROM t WHERE id = 1",
        "COPY t FROM STDIN",
        "SET work_mem = 5",
        "DROP TABLE t",
        "CREATE TABLE t AS SELECT 1",
        "SELECT 1 INTO t",
        "DELETE FROM t WHERE CURRENT OF c",
        "DELETE FROM t WHERE 1 = 1",
        "DELETE FROM t WHERE id = 1 OR true",
        "NOTIFY a, 'b'",
        "PREPARE p AS DELETE FROM t WHERE id = 1",
        "DECLARE c CURSOR FOR SELECT 1",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sql_shape s = shape(texts[i]);
        static const struct digest none;
        CHECK(s.text.n == 0 && digest_eq(&s.digest, &none));
        if (s.text.n != 0)
            printf("# %s: %.*s\n", texts[i], STR_FMT(s.text));
    }
    struct sql_settings unsure = SQL_SETTINGS_DEFAULT;
    unsure.standard_conforming_strings = SQL_UNKNOWN;
    CHECK(shape_with("SELECT 'a\\b' FROM t", unsure).text.n == 0);
    CHECK(shape_with("SELECT 'ab' FROM t", unsure).text.n != 0);
}

TEST(strings_are_read_as_the_session_reads_them)
{
    struct sql_settings off = SQL_SETTINGS_DEFAULT;
    off.standard_conforming_strings = SQL_OFF;
    CHECK_STR(shape_with("SELECT a FROM t WHERE b = '\\' OR c = '' AND d = 1", SQL_SETTINGS_DEFAULT).text,
              "select a from t where b = $text or c = $text and d = $int");
    CHECK_STR(shape_with("SELECT a FROM t WHERE b = '\\' OR c = '", off).text, "select a from t where b = $text");
    CHECK(shape("SELECT a FROM t WHERE b = '\\' OR c = '").text.n == 0); /* an open string there */
    CHECK_STR(shape_with("SELECT a FROM t WHERE b = '\\'' AND d = 1", off).text,
              "select a from t where b = $text and d = $int");
}

TEST(a_text_beyond_the_limit_has_no_shape)
{
    size_t n = LIMIT_SQL_COMMENTED;
    char *text = malloc(n + 64);
    CHECK(text != NULL);
    if (text == NULL)
        return;
    size_t at = (size_t)snprintf(text, 64, "SELECT a FROM t WHERE b = '");
    memset(text + at, 'x', n);
    memcpy(text + at + n, "'", 2);
    CHECK(shape(text).text.n == 0);
    free(text);
}

int main(void)
{
    static const struct tap_test tests[] = {
        T(values_are_taken_out_and_nothing_else),
        T(another_tree_is_another_shape),
        T(a_value_that_widens_the_condition_is_not_covered),
        T(what_cannot_be_judged_has_no_shape),
        T(strings_are_read_as_the_session_reads_them),
        T(a_text_beyond_the_limit_has_no_shape),
    };
    sql_text_init();
    int failed = tap_run(tests, ARRAY_LEN(tests));
    sql_text_done();
    return failed;
}
