/* What EXPLAIN says, true or not, as values. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "source/pg/plan.h"

static struct arena arena;

static enum err read_plan(const char *json, struct pg_plan *ret)
{
    arena_done(&arena);
    arena_init(&arena, 64 * MIB);
    return pg_plan_read(&arena, str_of(json), ret);
}

#define NODE(type, rows, more)                                                                     \
    "{\"Node Type\":\"" type "\",\"Startup Cost\":0.00,\"Total Cost\":10.20,\"Plan Rows\":" rows more "}"

TEST(a_delete_is_as_wide_as_the_rows_that_reach_it)
{
    struct pg_plan p;
    CHECK_OK(read_plan("[{\"Plan\":" NODE("ModifyTable", "0",
                       ",\"Operation\":\"Delete\",\"Schema\":\"public\",\"Relation Name\":\"orders\",\"Plans\":["
                       NODE("Seq Scan", "1234", ",\"Parent Relationship\":\"Outer\",\"Relation Name\":\"orders\","
                                                "\"Schema\":\"public\",\"Filter\":\"(a > 1)\"") ","
                       NODE("Result", "77", ",\"Parent Relationship\":\"InitPlan\"") "]") "}]", &p));
    CHECK(p.rows == 1234 && p.cost == 11 && p.n_nodes == 3 && !p.more);
    CHECK_STR(p.nodes[0].operation, "Delete");
    CHECK_STR(p.nodes[1].relation, "orders");
    CHECK_STR(p.nodes[1].condition, "(a > 1)");
    CHECK(p.nodes[0].depth == 0 && p.nodes[1].depth == 1 && p.nodes[2].depth == 1);
}

TEST(a_query_is_as_wide_as_what_it_returns)
{
    struct pg_plan p;
    CHECK_OK(read_plan("[{\"Plan\":" NODE("Aggregate", "1", ",\"Plans\":[" NODE("Seq Scan", "100000", "") "]") "}]", &p));
    CHECK(p.rows == 1);
}

TEST(a_change_within_a_query_counts_and_so_do_all_members)
{
    struct pg_plan p;
    CHECK_OK(read_plan("[{\"Plan\":" NODE("CTE Scan", "5", ",\"Plans\":["
                       NODE("ModifyTable", "9", ",\"Parent Relationship\":\"InitPlan\",\"Operation\":\"Update\",\"Plans\":["
                            NODE("Seq Scan", "300", ",\"Parent Relationship\":\"Member\"") ","
                            NODE("Seq Scan", "400", ",\"Parent Relationship\":\"Member\"") "]") "]") "}]", &p));
    CHECK(p.rows == 700);
}

/* A rule can make two statements of one, or none. */
TEST(the_plans_of_one_statement_add_up)
{
    struct pg_plan p;
    CHECK_OK(read_plan("[{\"Plan\":" NODE("Result", "3", "") "},{\"Plan\":" NODE("Result", "4", "") "}]", &p));
    CHECK(p.rows == 7 && p.cost == 22);
    CHECK_OK(read_plan("[]", &p));
    CHECK(p.rows == 0 && p.cost == 0 && p.n_nodes == 0);
}

TEST(more_rows_than_a_number_holds_are_the_most_it_holds)
{
    struct pg_plan p;
    CHECK_OK(read_plan("[{\"Plan\":" NODE("Result", "10000000000000000000000000000000000000000", "") "},"
                       "{\"Plan\":" NODE("Result", "4", "") "}]", &p));
    CHECK(p.rows == INT64_MAX);
}

TEST(what_is_no_plan_gives_no_number)
{
    static const char *const bad[] = {
        "", "x", "{}", "null", "[1]", "[\"Utility Statement\"]", "[{}]", "[{\"Plan\":1}]", "[{\"Plan\":{}}]",
        "[{\"Plan\":" NODE("Result", "-1", "") "}]", "[{\"Plan\":" NODE("Result", "\"1\"", "") "}]",
        "[{\"Plan\":" NODE("Result", "1", ",\"Plans\":3") "}]",
        "[{\"Plan\":" NODE("Result", "1", ",\"Plans\":[null]") "}]",
        "[{\"Plan\":" NODE("Result", "1", ",\"Relation Name\":[\"t\"]") "}]",
        "[{\"Plan\":{\"Node Type\":\"Result\",\"Total Cost\":1}}]",
        "[{\"Plan\":" NODE("Result", "1", "") "}] x",
        "[{\"Plan\":" NODE("Result", "1e999", "") "}]",
    };
    struct pg_plan p;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        enum err e = read_plan(bad[i], &p);
        CHECK(e == ERR_INVALID);
        if (e != ERR_INVALID)
            printf("# %s\n", bad[i]);
    }
}

static void nest(struct buf *b, size_t depth)
{
    CHECK_OK(buf_put_str(b, STR("[{\"Plan\":")));
    for (size_t i = 0; i < depth; i++)
        CHECK_OK(buf_put_str(b, STR("{\"Node Type\":\"Append\",\"Total Cost\":1,\"Plan Rows\":1,\"Plans\":[")));
    CHECK_OK(buf_put_str(b, STR(NODE("Result", "1", ""))));
    for (size_t i = 0; i < depth; i++)
        CHECK_OK(buf_put_str(b, STR("]}")));
    CHECK_OK(buf_put_str(b, STR("}]")));
}

TEST(depth_and_width_end_at_their_limits)
{
    struct pg_plan p;
    struct buf b;
    char *text;
    buf_init(&b, 8 * MIB);
    nest(&b, LIMIT_PG_PLAN_DEPTH);
    CHECK_OK(buf_take_cstr(&b, &text));
    CHECK_ERR(read_plan(text, &p), ERR_LIMIT);
    free(text);
    nest(&b, LIMIT_PG_PLAN_DEPTH - 1);
    CHECK_OK(buf_take_cstr(&b, &text));
    CHECK_OK(read_plan(text, &p));
    free(text);
    CHECK_OK(buf_put_str(&b, STR("[{\"Plan\":{\"Node Type\":\"Append\",\"Total Cost\":1,\"Plan Rows\":9,\"Plans\":[")));
    for (size_t i = 0; i < 1000; i++)
        CHECK_OK(buf_put_str(&b, i == 0 ? STR(NODE("Result", "1", "")) : STR("," NODE("Result", "1", ""))));
    CHECK_OK(buf_put_str(&b, STR("]}}]")));
    CHECK_OK(buf_take_cstr(&b, &text));
    CHECK_OK(read_plan(text, &p));
    CHECK(p.rows == 9 && p.n_nodes == LIMIT_PG_PLAN_NODES && p.more);
    free(text);
    arena_done(&arena);
}

TAP_MAIN(T(a_delete_is_as_wide_as_the_rows_that_reach_it),
         T(a_query_is_as_wide_as_what_it_returns),
         T(a_change_within_a_query_counts_and_so_do_all_members),
         T(the_plans_of_one_statement_add_up),
         T(more_rows_than_a_number_holds_are_the_most_it_holds),
         T(what_is_no_plan_gives_no_number),
         T(depth_and_width_end_at_their_limits))
