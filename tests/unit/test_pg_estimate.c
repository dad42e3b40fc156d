/* Estimates and impact in a session whose server says what the test wants, in whole messages and byte by byte. */
#include "tap.h"

#include <stdlib.h>

#include "base/limits.h"
#include "pgpeer.h"
#include "source/pg/ask.h"

#define ESTIMATED_Q "Q\0\0\0\x20" "DELETE FROM a/*ESTIMATEME*/\0"
#define HELD_Q "Q\0\0\0\x1c" "DELETE FROM a/*HOLDME*/\0"
#define PART "1\0\0\0\4" "2\0\0\0\4" "C\0\0\0\x08" "SET\0" CLOSED CLOSED
#define CLOSED "3\0\0\0\4"
#define UNDONE READY_T CLOSED CLOSED PART READY_I
#define ERROR_MSG "E\0\0\0\x1eSERROR\0VERROR\0C42601\0Mno\0\0"

static bool got(const struct buf *b, const char *needle)
{
    return str_contains(buf_view(b), str_of(needle));
}

static void open_peer(struct peer *p, size_t chunk)
{
    peer_init(p, chunk);
    p->resource.no_preview = false;
    log_in(p);
}

/* The answer to a question about plans: BEGIN, four settings, and one row with `json`. */
static void answer_plan(struct peer *p, const char *json)
{
    struct buf b;
    size_t n = strlen(json);
    buf_init(&b, MIB);
    CHECK_OK(buf_put_str(&b, STR(PART PART PART PART PART "1\0\0\0\4" "2\0\0\0\4" "D")));
    CHECK_OK(buf_put_u32(&b, (uint32_t)(4 + 2 + 4 + n)));
    CHECK_OK(buf_put_u16(&b, 1));
    CHECK_OK(buf_put_u32(&b, (uint32_t)n));
    CHECK_OK(buf_put(&b, json, n));
    CHECK_OK(buf_put_str(&b, STR("C\0\0\0\x0c" "EXPLAIN\0" CLOSED CLOSED UNDONE)));
    server_says(p, buf_view(&b));
    buf_done(&b);
}

#define PLAN(rows)                                                                                 \
    "[{\"Plan\":{\"Node Type\":\"ModifyTable\",\"Total Cost\":7.5,\"Plan Rows\":0,\"Plans\":[{\"Node Type\":"      \
    "\"Seq Scan\",\"Parent Relationship\":\"Outer\",\"Total Cost\":7,\"Plan Rows\":" rows "}]}}]"

TEST(the_statement_waits_for_its_estimate_and_is_judged_by_it)
{
    for (size_t chunk = 0; chunk < 2; chunk++) {
        struct peer p;
        open_peer(&p, chunk);
        client_says(&p, STR(ESTIMATED_Q));
        CHECK(p.submits == 1 && got(&p.at_server, "EXPLAIN (VERBOSE, FORMAT JSON) DELETE FROM a"));
        CHECK(got(&p.at_server, "READ ONLY") && got(&p.at_server, "lock_timeout") && !got(&p.at_server, "ANALYZE"));
        forget(&p);
        answer_plan(&p, PLAN("5"));
        CHECK(p.submits == 2 && p.lazy.failed == 0 && p.lazy.value[LAZY_ESTIMATED_ROWS] == 5);
        CHECK(p.lazy.value[LAZY_ESTIMATED_COST] == 8);
        CHECK(str_eq(buf_view(&p.at_server), STR(ESTIMATED_Q)) && buf_len(&p.at_client) == 0);
        peer_done(&p);
    }
}

TEST(a_wide_one_is_held_and_nobody_asks_for_its_plan_again)
{
    struct peer p;
    open_peer(&p, 0);
    client_says(&p, STR(ESTIMATED_Q));
    forget(&p);
    answer_plan(&p, PLAN("5000"));
    CHECK(p.state->sessions->hold != NULL && p.lazy.value[LAZY_ESTIMATED_ROWS] == 5000);
    CHECK(!got(&p.at_server, "EXPLAIN") && got(&p.at_server, "pg_locks"));
    server_says(&p, STR(PART PART PART PART PART PART PART PART UNDONE));
    CHECK(p.impacts == 1 && strstr(p.impact, "\"rows\":5000") != NULL && strstr(p.impact, "not_available") == NULL);
    peer_done(&p);
}

TEST(no_plan_or_an_error_is_unknown_and_held)
{
    static const char *const bad[] = {"", "[]x", "{}", "[{\"Plan\":3}]", PLAN("-1")};
    for (size_t i = 0; i <= ARRAY_LEN(bad); i++) {
        struct peer p;
        open_peer(&p, 0);
        client_says(&p, STR(ESTIMATED_Q));
        if (i < ARRAY_LEN(bad))
            answer_plan(&p, bad[i]);
        else
            server_says(&p, STR(PART PART PART ERROR_MSG UNDONE));
        CHECK(p.submits == 2 && p.lazy.known == 0 && p.state->sessions->hold != NULL);
        peer_done(&p);
    }
}

TEST(what_cannot_be_asked_is_unknown_at_once)
{
    struct peer p;
    open_peer(&p, 0);
    p.resource.no_preview = true;
    client_says(&p, STR(ESTIMATED_Q));
    CHECK(p.submits == 2 && p.lazy.failed != 0 && p.state->sessions->hold != NULL && p.impacts == 1);
    CHECK(buf_len(&p.at_server) == 0 && strstr(p.impact, "preview: none") != NULL);
    peer_done(&p);
}

TEST(an_end_in_the_middle_of_a_question_leaves_nothing_behind)
{
    static const struct str said[] = {STR_INIT(ESTIMATED_Q), STR_INIT(HELD_Q)};
    for (size_t i = 0; i < 4; i++) {
        struct peer p;
        open_peer(&p, 0);
        client_says(&p, said[i % 2]);
        CHECK(got(&p.at_server, "EXPLAIN"));
        server_says(&p, STR(PART PART));
        int *end = i < 2 ? &p.client : &p.server;
        close(*end);
        *end = -1;
        settle(&p);
        CHECK(p.state->sessions == NULL && p.closed == 1);
        peer_done(&p);
    }
}

TEST(a_statement_that_is_released_before_its_impact_is_there_runs_behind_the_question)
{
    struct peer p;
    open_peer(&p, 0);
    client_says(&p, STR(HELD_Q));
    CHECK(p.state->sessions->hold != NULL && got(&p.at_server, "EXPLAIN"));
    forget(&p);
    pg_source.release(p.state->sessions, p.state->sessions->hold, THE_RUN);
    settle(&p);
    CHECK(str_eq(buf_view(&p.at_server), STR(HELD_Q)));
    answer_plan(&p, PLAN("1"));
    CHECK(p.impacts == 0 && buf_len(&p.at_client) == 0);
    server_says(&p, STR("C\0\0\0\x0d" "DELETE 1\0" READY_I));
    CHECK(p.outcomes == 1 && str_eq(buf_view(&p.at_client), STR("C\0\0\0\x0d" "DELETE 1\0" READY_I)));
    peer_done(&p);
}

TEST(one_estimate_never_serves_another_statement)
{
    struct peer p;
    open_peer(&p, 0);
    client_says(&p, STR(ESTIMATED_Q));
    answer_plan(&p, PLAN("5"));
    server_says(&p, STR("C\0\0\0\x0d" "DELETE 5\0" READY_I));
    forget(&p);
    client_says(&p, STR(ESTIMATED_Q));
    CHECK(p.submits == 3 && got(&p.at_server, "EXPLAIN"));
    answer_plan(&p, PLAN("6"));
    CHECK(p.lazy.value[LAZY_ESTIMATED_ROWS] == 6);
    peer_done(&p);
}

TAP_MAIN(T(the_statement_waits_for_its_estimate_and_is_judged_by_it),
         T(a_wide_one_is_held_and_nobody_asks_for_its_plan_again),
         T(no_plan_or_an_error_is_unknown_and_held),
         T(what_cannot_be_asked_is_unknown_at_once),
         T(an_end_in_the_middle_of_a_question_leaves_nothing_behind),
         T(a_statement_that_is_released_before_its_impact_is_there_runs_behind_the_question),
         T(one_estimate_never_serves_another_statement))
