/* A statement as people read it. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "classify/layout.h"
#include "classify/tree.h"

/* The caller frees. NULL: the lexer does not take it. */
static char *laid_out(const char *text)
{
    struct buf b;
    char *ret = NULL;
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    buf_init(&b, MIB);
    if (sql_layout(&b, str_of(text), &s) == ERR_OK)
        CHECK_OK(buf_take_cstr(&b, &ret));
    buf_done(&b);
    return ret;
}

static void check_layout(const char *text, const char *want)
{
    char *got = laid_out(text);
    bool same = got != NULL && strcmp(got, want) == 0;
    CHECK(same);
    if (!same)
        printf("# %s\n# gave:\n%s\n# wanted:\n%s\n", text, got != NULL ? got : "(nothing)", want);
    free(got);
}

/* --- Layout ----------------------------------------------------------------------------------- */

TEST(a_short_statement_stays_one_line)
{
    check_layout("  DELETE FROM orders ", "DELETE FROM orders");
    check_layout("DELETE FROM orders WHERE placed < '2024-01-01'",
               "DELETE FROM orders WHERE placed < '2024-01-01'");
}

TEST(each_clause_has_a_line)
{
    check_layout("SELECT o.id, sum(l.price) FROM orders o LEFT JOIN lines l ON l.order_id = o.id AND l.kept "
               "WHERE o.placed BETWEEN '2024-01-01' AND '2024-02-01' AND (o.a OR o.b) GROUP BY o.id ORDER BY 2 LIMIT 5",
               "SELECT o.id, sum(l.price)\n"
               "FROM orders o\n"
               "LEFT JOIN lines l ON l.order_id = o.id\n"
               "  AND l.kept\n"
               "WHERE o.placed BETWEEN '2024-01-01' AND '2024-02-01'\n"
               "  AND (o.a OR o.b)\n"
               "GROUP BY o.id\n"
               "ORDER BY 2\n"
               "LIMIT 5");
}

TEST(a_query_within_is_indented)
{
    check_layout("WITH gone AS (DELETE FROM orders WHERE id IN (SELECT order_id FROM lines WHERE price = 0) RETURNING id) "
               "UPDATE customers SET seen = false, note = 'x' FROM gone WHERE customers.id = gone.id",
               "WITH gone AS (\n"
               "    DELETE FROM orders\n"
               "    WHERE id IN (\n"
               "        SELECT order_id\n"
               "        FROM lines\n"
               "        WHERE price = 0\n"
               "    )\n"
               "    RETURNING id\n"
               ") UPDATE customers\n"
               "SET seen = false, note = 'x'\n"
               "FROM gone\n"
               "WHERE customers.id = gone.id");
}

TEST(statements_and_comments_keep_their_lines)
{
    check_layout("SELECT 1; -- first\nSELECT /* x\ny */ 2",
               "SELECT 1;\n-- first\nSELECT /* x\ny */ 2");
    check_layout("SELECT left('abc', 1), a IS DISTINCT FROM b, extract(year FROM c) FROM t WHERE x AND\ny",
               "SELECT left('abc', 1), a IS DISTINCT FROM b, extract(year FROM c)\nFROM t\nWHERE x\n  AND y");
}

/* 'a' newline 'b' is one string, 'a' 'b' is an error: what is shown must not turn one into the other. */
TEST(two_strings_are_neither_joined_nor_parted)
{
    check_layout("SELECT 'a'\n   'b'\nFROM t", "SELECT 'a'\n   'b'\nFROM t");
    check_layout("SELECT\n'a'   'b'", "SELECT 'a' 'b'");
}

/* --- Any text --------------------------------------------------------------------------------- */

TEST(no_word_is_lost_or_changed)
{
    static const char *const texts[] = {
        "SELECT 1",
        "select*from(select a,b from t where(a)=any(array[1,2,3]))x natural join y order by 1,2 for update of x nowait",
        "INSERT INTO t(a,b)VALUES(1,'x'),(2,U&'\\0041')ON CONFLICT(a)DO UPDATE SET b=excluded.b RETURNING*",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $body$ SELECT 1 FROM t; -- no comment\n $body$",
        "SELECT\t'--', \"a;b\", /* /* nested */ ; */ 1--last",
        "MERGE INTO t USING s ON t.a=s.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES(s.a)",
        "(((((((((((select 1)))))))))))union all(select 2 limit 1)",
        "DELETE FROM U&\"orders\" WHERE U&\"a!0041\" UESCAPE '!' = U&'x' OR something_quite_long_to_break_the_line",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena a;
        struct tree_token *before, *after;
        size_t n, m;
        char *out = laid_out(texts[i]);
        CHECK(out != NULL);
        arena_init(&a, LIMIT_ACTION_ARENA);
        CHECK_OK(tree_tokens(&a, str_of(texts[i]), true, &before, &n));
        CHECK_OK(tree_tokens(&a, str_of(out), true, &after, &m));
        CHECK(n == m);
        for (size_t k = 0; k < n && k < m; k++)
            CHECK(str_eq(str_from(texts[i] + before[k].start, before[k].end - before[k].start),
                         str_from(out + after[k].start, after[k].end - after[k].start)));
        arena_done(&a);
        free(out);
    }
}

TEST(what_the_lexer_does_not_take_gives_nothing)
{
    static const char *const bad[] = {"SELECT 'open", "SELECT $a$ open", "/* open", "SELECT \"open"};
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    struct buf b;
    buf_init(&b, MIB);
    CHECK_OK(buf_put_str(&b, STR("kept")));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(sql_layout(&b, str_of(bad[i]), &s), ERR_INVALID);
    }
    CHECK_ERR(sql_layout(&b, STR("SELECT 1\0; DROP TABLE t"), &s), ERR_INVALID);
    CHECK_STR(buf_view(&b), "kept");
    buf_done(&b);
}

TEST(a_text_that_is_too_long_is_not_laid_out)
{
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    struct buf b, text;
    buf_init(&b, MIB);
    buf_init(&text, MIB);
    for (size_t i = 0; i <= LIMIT_SQL_COMMENTED / 8; i++)
        CHECK_OK(buf_put_str(&text, STR("SELECT1 ")));
    CHECK_ERR(sql_layout(&b, buf_view(&text), &s), ERR_INVALID);
    buf_done(&b);
    buf_done(&text);
}

TAP_MAIN(T(a_short_statement_stays_one_line),
         T(each_clause_has_a_line),
         T(a_query_within_is_indented),
         T(statements_and_comments_keep_their_lines),
         T(two_strings_are_neither_joined_nor_parted),
         T(no_word_is_lost_or_changed),
         T(what_the_lexer_does_not_take_gives_nothing),
         T(a_text_that_is_too_long_is_not_laid_out))
