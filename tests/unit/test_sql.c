#include "sql_text.h"

TEST(a_select_is_only_a_read)
{
    struct sql_facts f = facts("SELECT a, lower(b) FROM s.t WHERE c = 1 LIMIT 5");
    CHECK(f.classes == SQL_READ && f.reads && !f.writes && !f.may_write);
    CHECK_STR(f.command, "SELECT");
    CHECK_NAMES(f.commands, "SELECT");
    CHECK_NAMES(f.tables_read, "s.t");
    CHECK_NAMES(f.table_names, "t");
    CHECK_NAMES(f.functions, "lower");
    CHECK_NAMES(f.columns, "a, b, c");
    CHECK(f.has_limit && f.limit == 5 && f.has_where && f.statements == 1);
    CHECK(f.lock_level == SQL_LOCK_ACCESS_SHARE);
}

TEST(a_change_is_found_at_every_depth)
{
    static const char *const texts[] = {
        "WITH d AS (DELETE FROM accounts RETURNING *) SELECT count(*) FROM d",
        "SELECT (WITH x AS (SELECT 1) SELECT * FROM x) FROM (WITH d AS (DELETE FROM accounts) SELECT 1) s",
        "EXPLAIN (COSTS off, ANALYZE) DELETE FROM accounts",
        "EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM accounts",
        "EXPLAIN (ANALYZE 1) DELETE FROM accounts",
        "COPY (DELETE FROM accounts RETURNING id) TO STDOUT",
        "CREATE TABLE t AS WITH d AS (DELETE FROM accounts RETURNING *) SELECT * FROM d",
        "MERGE INTO accounts a USING v ON true WHEN MATCHED THEN DELETE",
        "((((WITH d AS MATERIALIZED (DELETE FROM accounts) VALUES (1)))))",
        "SELECT 1 UNION ALL (WITH d AS (DELETE FROM accounts RETURNING 1) SELECT * FROM d)",
        "INSERT INTO log WITH d AS (DELETE FROM accounts RETURNING *) SELECT * FROM d",
        "SELECT 1; DELETE FROM accounts",
        ";;; ;DELETE FROM accounts;;",
        "TRUNCATE accounts",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sql_facts f = facts(texts[i]);
        CHECK((f.classes & SQL_DELETE) != 0);
        CHECK(f.writes && f.may_write && !f.has_where && !f.has_narrow_where);
        CHECK(has(f.tables_written, "accounts"));
        if (tap.failures != 0) {
            printf("# %s\n", texts[i]);
            break;
        }
    }
}

TEST(what_is_not_run_changes_nothing)
{
    struct sql_facts f = facts("EXPLAIN DELETE FROM accounts");
    CHECK(f.classes == SQL_READ && !f.writes && f.tables_written.n == 0 && has(f.tables, "accounts"));
    CHECK(has(f.commands, "DELETE"));
    CHECK(!facts("EXPLAIN (ANALYZE off, VERBOSE) DELETE FROM accounts").writes);
    CHECK(!facts("EXPLAIN (ANALYZE on, ANALYZE 'off') DELETE FROM accounts").writes);
    f = facts("PREPARE p AS DELETE FROM accounts");
    CHECK(!f.writes && has(f.commands, "DELETE") && (f.classes & SQL_SESSION) != 0);
    CHECK(f.n_named == 1 && f.named[0].op == SQL_NAMED_PREPARE && f.named[0].facts->writes);
    f = facts("CREATE VIEW v AS SELECT purge() FROM t");
    CHECK(f.dynamic == 0 && !f.reads && (f.classes & SQL_DDL) != 0 && has(f.functions, "purge"));
    f = facts("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM accounts $$");
    CHECK(has(f.commands, "DELETE") && (f.classes & SQL_DELETE) == 0 && f.tables_written.n == 0);
    f = facts("MERGE INTO accounts a USING v ON a.id = v.id WHEN MATCHED AND a.x THEN DO NOTHING");
    CHECK(!f.writes && f.tables_written.n == 0 && has(f.tables_read, "accounts") && has(f.tables_read, "v"));
    CHECK(f.lock_level == SQL_LOCK_ROW_EXCLUSIVE);
}

TEST(the_name_of_a_with_query_is_no_table)
{
    CHECK_NAMES(facts("WITH t AS (SELECT * FROM real) SELECT * FROM t").tables_read, "real");
    CHECK_NAMES(facts("WITH t AS (SELECT * FROM t) SELECT * FROM t").tables_read, "t");
    CHECK_NAMES(facts("WITH RECURSIVE t AS (SELECT * FROM t) SELECT * FROM t").tables_read, "");
    CHECK_NAMES(facts("WITH t AS (SELECT 1) SELECT * FROM public.t").tables_read, "public.t");
    CHECK_NAMES(facts("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT 1").tables_read, "b");
    CHECK_NAMES(facts("SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) s, t").tables_read, "t");
    CHECK_NAMES(facts("WITH t AS (SELECT 1) DELETE FROM t").tables_written, "t");
    CHECK_NAMES(facts("SELECT * FROM a x FOR UPDATE OF x").tables_read, "a");
}

TEST(a_where_that_leaves_every_row_is_none)
{
    static const char *const open[] = {"",         "WHERE true",      "WHERE 1=1",         "WHERE NOT false",
                                       "WHERE $1", "WHERE id = id",   "WHERE id=1 OR 2>1", "WHERE 't'",
                                       "WHERE a.id = id", "WHERE x IS NULL OR x IS NOT NULL",
                                       "WHERE now() > '2000-01-01'",  "WHERE EXISTS (SELECT 1)",
                                       "WHERE x LIKE '%'", "WHERE (true AND (1=1)) AND 'yes'::bool"};
    static const char *const wide[] = {"WHERE id > 0", "WHERE id IS NOT NULL", "WHERE id IN (SELECT id FROM b)",
                                       "WHERE id <> 4", "WHERE id = 1 OR n > 2", "WHERE id = other",
                                       "WHERE tableoid = 'a'::regclass", "WHERE NOT id = 1", "WHERE id NOT IN (1,2)",
                                       "WHERE x::bool = true", "WHERE id + 0 = 4"};
    static const char *const narrow[] = {"WHERE id = 1", "WHERE $1 = id", "WHERE id IN (1,2,3)", "WHERE id = ANY($1)",
                                         "WHERE a.id = 7 AND n > 2", "WHERE (id, n) = (1, 2)", "WHERE id = 1 OR n = 2",
                                         "WHERE lower(x) = 'q'", "WHERE id::text = '5'", "WHERE CURRENT OF c",
                                         "WHERE x IS NOT DISTINCT FROM 'q'"};
    char text[256];
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        snprintf(text, sizeof(text), "DELETE FROM a %s", open[i]);
        struct sql_facts f = facts(text);
        CHECK(!f.has_where && !f.has_narrow_where && f.where_tautology == (i > 0));
        if (f.has_where)
            printf("# %s\n", text);
    }
    for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
        snprintf(text, sizeof(text), "UPDATE a SET x = 1 %s", wide[i]);
        struct sql_facts f = facts(text);
        CHECK(f.has_where && !f.has_narrow_where && !f.where_tautology);
        if (!f.has_where || f.has_narrow_where)
            printf("# %s\n", text);
    }
    for (size_t i = 0; i < ARRAY_LEN(narrow); i++) {
        snprintf(text, sizeof(text), "DELETE FROM a %s", narrow[i]);
        struct sql_facts f = facts(text);
        CHECK(f.has_where && f.has_narrow_where);
        if (!f.has_narrow_where)
            printf("# %s\n", text);
    }
    CHECK(!facts("UPDATE a SET x=1 FROM b WHERE b.id = 5").has_narrow_where);
    CHECK(!facts("UPDATE a SET x=1 FROM b WHERE id = 5").has_narrow_where);
    CHECK(facts("UPDATE a SET x=1 FROM b WHERE a.id = 5").has_narrow_where);
    CHECK(!facts("UPDATE a t SET x=1 FROM b a WHERE a.id = 5").has_narrow_where);
    CHECK(!facts("DELETE FROM a WHERE id=1; DELETE FROM a").has_narrow_where);
}

TEST(a_function_nobody_vouches_for_is_found_wherever_an_expression_may_stand)
{
    static const char *const texts[] = {
        "SELECT f()", "SELECT * FROM f()", "SELECT 1 LIMIT f()", "SELECT 1 OFFSET f()", "SELECT 1 ORDER BY f()",
        "SELECT 1 GROUP BY f()", "SELECT count(*) FROM t HAVING f()", "VALUES (f())", "SELECT CASE WHEN f() THEN 1 END",
        "SELECT ARRAY[f()]", "SELECT (ARRAY[1])[f()]", "SELECT ROW(f())", "SELECT COALESCE(f())", "SELECT f()::int",
        "SELECT sum(1) OVER (ORDER BY f())", "SELECT sum(1) OVER w FROM t WINDOW w AS (PARTITION BY f())",
        "SELECT sum(1) FILTER (WHERE f()) FROM t", "SELECT lower(f())", "SELECT f() IS NULL", "SELECT a FROM t WHERE f()",
        "SELECT * FROM t JOIN u ON f()", "SELECT * FROM ROWS FROM (f()) x", "SELECT * FROM t TABLESAMPLE system(f())",
        "SELECT xmlelement(name a, f())", "SELECT * FROM LATERAL (SELECT f()) x", "SELECT (SELECT f())",
        "SELECT 1 IN (SELECT f())", "SELECT f() BETWEEN 1 AND 2", "SELECT greatest(f(), 1)", "SELECT f() COLLATE \"C\"",
        "SELECT percentile_cont(f()) WITHIN GROUP (ORDER BY x) FROM t", "SELECT string_agg(x, ',' ORDER BY f()) FROM t",
        "SELECT DISTINCT ON (f()) 1", "SELECT 1 UNION SELECT f()", "SELECT 1 FETCH FIRST (f()) ROWS ONLY",
        "SELECT * FROM xmltable('/a' PASSING f() COLUMNS x int)", "SELECT * FROM xmltable('/a' PASSING '' COLUMNS x int DEFAULT f())",
        "INSERT INTO t VALUES (f())", "INSERT INTO t SELECT f()", "INSERT INTO t VALUES (1) RETURNING f()",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = f()", "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1 WHERE f()",
        "INSERT INTO t VALUES (1) ON CONFLICT (f()) DO NOTHING", "INSERT INTO t (a[f()]) VALUES (1)",
        "UPDATE t SET a = f()", "UPDATE t SET (a, b) = (SELECT f(), 1)", "UPDATE t SET a[f()] = 1", "UPDATE t SET a = 1 WHERE f()",
        "UPDATE t SET a = 1 FROM (SELECT f()) x", "UPDATE t SET a = 1 RETURNING f()",
        "DELETE FROM t WHERE f()", "DELETE FROM t USING f() x", "DELETE FROM t RETURNING f()",
        "MERGE INTO t USING f() x ON true WHEN MATCHED THEN DO NOTHING", "MERGE INTO t USING u ON f() WHEN MATCHED THEN DO NOTHING",
        "MERGE INTO t USING u ON true WHEN MATCHED AND f() THEN DO NOTHING", "MERGE INTO t USING u ON true WHEN MATCHED THEN UPDATE SET a = f()",
        "MERGE INTO t USING u ON true WHEN NOT MATCHED THEN INSERT VALUES (f())",
        "WITH x AS (SELECT f()) SELECT 1", "WITH x AS (SELECT f()) DELETE FROM t", "COPY (SELECT f()) TO STDOUT",
        "COPY t FROM STDIN WHERE f()", "CREATE TABLE x AS SELECT f()", "SELECT f() INTO x", "CREATE MATERIALIZED VIEW x AS SELECT f()",
        "EXPLAIN SELECT f()", "EXPLAIN ANALYZE SELECT f()", "DECLARE c CURSOR FOR SELECT f()", "EXECUTE p(f())", "CALL f()",
        "CREATE INDEX i ON t (f(a))", "CREATE INDEX i ON t (a) WHERE f()", "ALTER TABLE t ALTER a TYPE int USING f()",
        "ALTER TABLE t ADD COLUMN b int DEFAULT f()", "ALTER TABLE t ADD CHECK (f())", "ALTER DOMAIN d ADD CHECK (f())",
        "CREATE TABLE p PARTITION OF t FOR VALUES FROM (f()) TO (MAXVALUE)", "CREATE TABLE p PARTITION OF t FOR VALUES IN (f())",
        "SELECT public.f()", "SELECT \"f\"()", "SELECT U&\"\\0066\"()", "SELECT public /* x */ . f ( )",
        "SELECT (a).f FROM accounts a", "SELECT * FROM t TABLESAMPLE f(1)",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sql_facts f = facts(texts[i]);
        bool found = has(f.unknown_functions, "f") || has(f.unknown_functions, "public.f");
        CHECK(found && (f.classes & SQL_DYNAMIC) != 0 && (f.dynamic & SQL_D_FUNCTION) != 0 && f.may_write);
        if (!found)
            printf("# %s: %.*s\n", texts[i], STR_FMT(f.parse_error));
    }
}

TEST(types_and_operators_of_others_are_unknown_too)
{
    CHECK((facts("SELECT 'x'::my_domain").dynamic & SQL_D_TYPE) != 0);
    CHECK((facts("SELECT CAST(1 AS public.my_domain[])").dynamic & SQL_D_TYPE) != 0);
    CHECK((facts("SELECT my_domain 'x'").dynamic & SQL_D_TYPE) != 0);
    CHECK((facts("SELECT * FROM json_to_recordset('[]') AS t(a my_domain)").dynamic & SQL_D_TYPE) != 0);
    CHECK(facts("SELECT 'x'::text[], 1::int, '1'::numeric(3,2), now()::timestamptz, 'a'::regclass, '{}'::_int4").dynamic == 0);
    CHECK((facts("SELECT 1 OPERATOR(public.+) 2").dynamic & SQL_D_OPERATOR) != 0);
    CHECK((facts("SELECT 1 ~~~~ 2").dynamic & SQL_D_OPERATOR) != 0);
    CHECK((facts("SELECT 1 ORDER BY 1 USING OPERATOR(public.<)").dynamic & SQL_D_OPERATOR) != 0);
    CHECK((facts("SELECT 1 OPERATOR(public.=) ANY (SELECT 1)").dynamic & SQL_D_OPERATOR) != 0);
    CHECK(facts("SELECT 1 OPERATOR(pg_catalog.+) 2, 'a' || 'b', '{}'::jsonb ->> 'x', a @> b, c ? 'k' FROM t").dynamic == 0);
}

TEST(a_built_in_name_counts_only_where_pg_catalog_comes_first)
{
    struct sql_settings later = SQL_SETTINGS_DEFAULT;
    later.catalog_first = false;
    CHECK((facts_with(STR("SELECT lower('x')"), later).dynamic & SQL_D_FUNCTION) != 0);
    CHECK((facts_with(STR("SELECT 1 + 1"), later).dynamic & SQL_D_OPERATOR) != 0);
    CHECK(facts_with(STR("SELECT pg_catalog.lower('x')"), later).dynamic == 0);
    CHECK(facts("SELECT lower('x')").has_unqualified_builtins);
    CHECK(!facts("SELECT pg_catalog.lower('x')").has_unqualified_builtins);
    CHECK((facts("SELECT public.lower('x')").dynamic & SQL_D_FUNCTION) != 0);
}

TEST(what_does_not_parse_is_unparseable_and_never_harmless)
{
    static const char *const texts[] = {"DELETE FROM accounts /* ", "DELETE\x0b" "FROM accounts", "SELEC 1", "SELECT 'x",
                                        "\xef\xbb\xbf" "DELETE FROM accounts", "SELECT 1 FROM t WHERE (", "$$"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sql_facts f = facts(texts[i]);
        CHECK(f.classes == SQL_PARSE_ERROR && f.parse_error.n != 0 && f.may_write && !f.has_where);
    }
    struct sql_facts f = facts_with(STR("SELECT 1\0DELETE FROM t"), SQL_SETTINGS_DEFAULT);
    CHECK(f.classes == SQL_PARSE_ERROR);
}

TEST(a_comment_where_the_parser_looks_ahead_changes_nothing)
{
    CHECK(facts("SELECT 1 FROM t ORDER BY 1 NULLS /* x */ LAST").classes == SQL_READ);
    CHECK(facts("SELECT 1 WHERE a NOT -- x\n IN (1)").classes == SQL_READ);
    CHECK(facts("DELETE FROM t WHERE a NOT /* ; */ IN (1)").classes == SQL_DELETE);
    CHECK(facts("SELECT U&'a' /* x */ UESCAPE '!'").classes == SQL_READ);
    /* Two strings stay two: the server refuses them. */
    CHECK(facts("SELECT 'a' /* x */\n'b'").classes == SQL_PARSE_ERROR);
    CHECK(facts("SELECT 1 /* NULLS */ LAST FIRST").classes == SQL_PARSE_ERROR);
}

TEST(an_empty_message_is_a_read)
{
    CHECK(facts("").classes == SQL_READ && facts("").statements == 0);
    CHECK(facts("/* ping */ ;; ").classes == SQL_READ);
}

TEST(strings_are_read_as_the_session_reads_them)
{
    struct str text = STR("SELECT 'a\\'; DELETE FROM t; --'");
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    CHECK((facts_with(text, s).classes & SQL_DELETE) != 0);
    s.standard_conforming_strings = SQL_OFF;
    CHECK(facts_with(text, s).classes == SQL_READ);
    s.standard_conforming_strings = SQL_UNKNOWN;
    struct sql_facts f = facts_with(text, s);
    CHECK((f.classes & SQL_DELETE) != 0 && (f.dynamic & SQL_D_STRINGS) != 0);
    CHECK(facts_with(STR("SELECT 'a\\b'"), s).classes == SQL_READ);
    CHECK(facts("SELECT '\\' AS a, 'x' AS b").classes == SQL_READ);
}

TEST(text_in_an_encoding_that_hides_quotes_is_not_judged)
{
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    s.client_encoding = STR("SJIS");
    CHECK(facts_with(STR("SELECT '\x95'"), s).classes == SQL_PARSE_ERROR);
    CHECK(facts_with(STR("SELECT 'a'"), s).classes == SQL_READ);
    s.client_encoding = STR("latin1");
    CHECK(facts_with(STR("SELECT '\xe9'"), s).classes == SQL_READ);
    s.client_encoding = STR("NEWER_ONE");
    CHECK(facts_with(STR("SELECT '\xe9'"), s).classes == SQL_PARSE_ERROR);
}

int main(void)
{
    static const struct tap_test tests[] = {
        T(a_select_is_only_a_read),
        T(a_change_is_found_at_every_depth),
        T(what_is_not_run_changes_nothing),
        T(the_name_of_a_with_query_is_no_table),
        T(a_where_that_leaves_every_row_is_none),
        T(a_function_nobody_vouches_for_is_found_wherever_an_expression_may_stand),
        T(types_and_operators_of_others_are_unknown_too),
        T(a_built_in_name_counts_only_where_pg_catalog_comes_first),
        T(what_does_not_parse_is_unparseable_and_never_harmless),
        T(a_comment_where_the_parser_looks_ahead_changes_nothing),
        T(an_empty_message_is_a_read),
        T(strings_are_read_as_the_session_reads_them),
        T(text_in_an_encoding_that_hides_quotes_is_not_judged),
    };
    sql_text_init();
    int failed = tap_run(tests, ARRAY_LEN(tests));
    sql_text_done();
    return failed;
}
