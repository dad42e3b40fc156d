#include "tap.h"

#include "base/limits.h"
#include "pgpeer.h"
#include "source/pg/ask.h"

#define SELECT_1 "Q\0\0\0\x0dSELECT 1\0"
#define DONE "C\0\0\0\x0dSELECT 1\0"
#define PARSE_OK "1\0\0\0\4"
#define BIND_OK "2\0\0\0\4"
#define CLOSE_OK "3\0\0\0\4"
#define FLUSH "H\0\0\0\4"
#define SYNC "S\0\0\0\4"
#define EXECUTE0 "E\0\0\0\x09\0\0\0\0\0"
#define BIND0 "B\0\0\0\x0c\0\0\0\0\0\0\0\0"
#define PARSE_SELECT "P\0\0\0\x10\0SELECT 1\0\0\0"
#define ERROR_MSG "E\0\0\0\x1eSERROR\0VERROR\0C42601\0Mno\0\0"
#define ROW "D\0\0\0\x14\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0"
/* What the server says to one part that returns nothing. */
#define PART PARSE_OK BIND_OK DONE CLOSE_OK CLOSE_OK
#define PART_ROW PARSE_OK BIND_OK ROW DONE CLOSE_OK CLOSE_OK

struct seen {
    int rows, dones;
    size_t part, n;
    bool null_is_null, empty_is_empty;
    char first[8];
    enum pg_ask_result result;
    char why[64];
};

static void on_row(void *ctx, size_t part, const struct str *values, size_t n)
{
    struct seen *s = ctx;
    s->rows++;
    s->part = part;
    s->n = n;
    (void)snprintf(s->first, sizeof(s->first), "%.*s", STR_FMT(values[0]));
    s->null_is_null = n > 1 && values[1].p == NULL;
    s->empty_is_empty = n > 2 && values[2].p != NULL && values[2].n == 0;
}

static void on_done(void *ctx, enum pg_ask_result result, struct str why)
{
    struct seen *s = ctx;
    s->dones++;
    s->result = result;
    (void)snprintf(s->why, sizeof(s->why), "%.*s", STR_FMT(why));
}

static const struct pg_asker asker = {on_row, on_done};

static bool got(const struct buf *b, const char *needle)
{
    return str_contains(buf_view(b), str_of(needle));
}

static size_t count(const struct buf *b, struct str needle)
{
    size_t n = 0;
    struct str v = buf_view(b);
    for (size_t i = 0; i + needle.n <= v.n; i++)
        n += memcmp(v.p + i, needle.p, needle.n) == 0;
    return n;
}

static enum err ask_two(struct peer *p, enum pg_ask_wrap wrap, int64_t timeout_ms, struct seen *seen)
{
    static const struct pg_question_part parts[] = {{.sql = STR_INIT("SELECT one")},
                                                    {.sql = STR_INIT("SELECT two")}};
    struct pg_question q = {wrap, parts, ARRAY_LEN(parts), timeout_ms, &asker, seen};
    *seen = (struct seen){.rows = 0};
    enum err e = pg_ask(p->state->sessions, &q);
    settle(p);
    return e;
}

static void open_peer(struct peer *p, size_t chunk, const char *status)
{
    peer_init(p, chunk);
    log_in(p);
    if (*status == 'I')
        return;
    p->chunk = 0;
    client_says(p, STR("Q\0\0\0\x0a" "BEGIN\0"));
    server_says(p, STR("C\0\0\0\x0a" "BEGIN\0"));
    server_says(p, *status == 'T' ? STR(READY_T) : STR(READY_E));
    forget(p);
    p->chunk = chunk;
}

TEST(a_look_leaves_nothing_behind_and_the_client_sees_nothing_of_it)
{
    for (size_t chunk = 0; chunk < 2; chunk++) {
        struct peer p;
        struct seen seen;
        open_peer(&p, chunk, "I");
        CHECK_OK(ask_two(&p, PG_ASK_LOOK, 700, &seen));
        CHECK(got(&p.at_server, "READ ONLY") && got(&p.at_server, "statement_timeout = 700") &&
              got(&p.at_server, "SET LOCAL lock_timeout = 100") && got(&p.at_server, "SET LOCAL jit = off"));
        CHECK(got(&p.at_server, "SELECT one") && got(&p.at_server, "SELECT two") && got(&p.at_server, "ROLLBACK"));
        CHECK(count(&p.at_server, STR(SYNC)) == 2 && !got(&p.at_server, "SAVEPOINT"));
        server_says(&p, STR(PART PART PART PART PART_ROW PART_ROW READY_T CLOSE_OK CLOSE_OK PART));
        CHECK(seen.dones == 0 && seen.rows == 2);
        server_says(&p, STR(READY_I));
        CHECK(seen.dones == 1 && seen.result == PG_ASK_ANSWERED);
        CHECK(seen.part == 1 && seen.n == 3 && seen.null_is_null && seen.empty_is_empty);
        CHECK(strcmp(seen.first, "ab") == 0);
        CHECK(buf_len(&p.at_client) == 0);
        client_says(&p, STR(SELECT_1));
        server_says(&p, STR(DONE READY_I));
        CHECK(str_eq(buf_view(&p.at_client), STR(DONE READY_I)));
        peer_done(&p);
        CHECK(seen.dones == 1);
    }
}

TEST(in_a_transaction_a_look_stands_between_savepoints)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 0, "T");
    CHECK_OK(ask_two(&p, PG_ASK_LOOK, 700, &seen));
    CHECK(got(&p.at_server, "SAVEPOINT countersign_") && got(&p.at_server, "ROLLBACK TO SAVEPOINT countersign_") &&
          got(&p.at_server, "RELEASE SAVEPOINT countersign_") && !got(&p.at_server, "BEGIN"));
    server_says(&p, STR(PART PART PART PARSE_OK ERROR_MSG READY_E CLOSE_OK CLOSE_OK PART PART READY_T));
    CHECK(seen.dones == 1 && seen.result == PG_ASK_FAILED && strcmp(seen.why, "no") == 0);
    CHECK(buf_len(&p.at_client) == 0);
    client_says(&p, STR(SELECT_1));
    server_says(&p, STR(DONE READY_T));
    CHECK(str_eq(buf_view(&p.at_client), STR(DONE READY_T)));
    peer_done(&p);
}

TEST(names_of_questions_differ)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 0, "I");
    CHECK_OK(ask_two(&p, PG_ASK_BARE, 700, &seen));
    char name[29] = {0};
    memcpy(name, buf_view(&p.at_server).p + 5, 28);
    CHECK(strncmp(name, "countersign_", 12) == 0);
    server_says(&p, STR(PART PART READY_I CLOSE_OK READY_I));
    CHECK(seen.result == PG_ASK_ANSWERED);
    forget(&p);
    CHECK_OK(ask_two(&p, PG_ASK_BARE, 700, &seen));
    CHECK(got(&p.at_server, "countersign_") && !got(&p.at_server, name));
    peer_done(&p);
    CHECK(seen.result == PG_ASK_ENDED && seen.dones == 1);
}

TEST(what_is_not_the_questions_passes)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 1, "I");
    CHECK_OK(ask_two(&p, PG_ASK_PEEK, 700, &seen));
#define NOTICED "N\0\0\0\x13" "C00000\0Mhello\0\0"
#define DYING "N\0\0\0\x13" "C57P02\0Mcrash\0\0"
    server_says(&p, STR("S\0\0\0\x17" "application_name\0a\0" NOTICED "A\0\0\0\x0c\0\0\0\1c\0p\0" DYING));
    CHECK(str_eq(buf_view(&p.at_client), STR("S\0\0\0\x17" "application_name\0a\0" "A\0\0\0\x0c\0\0\0\1c\0p\0" DYING)));
    server_says(&p, STR(PART PART PART PART PART PART READY_T CLOSE_OK CLOSE_OK PART READY_I));
    CHECK(seen.result == PG_ASK_ANSWERED);
    peer_done(&p);
}

TEST(nothing_is_asked_where_it_would_disturb)
{
    struct peer p;
    struct seen seen;
    bool wait;
    open_peer(&p, 0, "E");
    CHECK(ask_two(&p, PG_ASK_PEEK, 700, &seen) == ERR_BAD_STATE);
    CHECK(!pg_may_ask(p.state->sessions, PG_ASK_LOOK, &wait) && !wait);
    peer_done(&p);

    open_peer(&p, 0, "I");
    client_says(&p, STR(SELECT_1));
    CHECK(!pg_may_ask(p.state->sessions, PG_ASK_PEEK, &wait) && wait);
    server_says(&p, STR(DONE READY_I));
    CHECK(pg_may_ask(p.state->sessions, PG_ASK_PEEK, &wait));
    client_says(&p, STR(PARSE_SELECT BIND0 EXECUTE0 FLUSH));
    server_says(&p, STR(PARSE_OK BIND_OK DONE));
    forget(&p);
    CHECK(!pg_may_ask(p.state->sessions, PG_ASK_LOOK, &wait) && !wait);
    CHECK(!pg_may_ask(p.state->sessions, PG_ASK_BARE, &wait) && !wait);
    CHECK(ask_two(&p, PG_ASK_LOOK, 700, &seen) == ERR_BAD_STATE && buf_len(&p.at_server) == 0);
    CHECK(seen.dones == 0);
    peer_done(&p);
    CHECK(seen.dones == 0);
}

TEST(in_an_open_segment_a_peek_ends_no_transaction)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 1, "I");
    client_says(&p, STR(PARSE_SELECT BIND0 EXECUTE0 FLUSH));
    server_says(&p, STR(PARSE_OK BIND_OK DONE));
    forget(&p);
    CHECK_OK(ask_two(&p, PG_ASK_PEEK, 700, &seen));
    CHECK(count(&p.at_server, STR(SYNC)) == 0 && count(&p.at_server, STR(FLUSH)) == 1);
    server_says(&p, STR(PART PARSE_OK BIND_OK ROW DONE CLOSE_OK));
    CHECK(seen.dones == 0);
    server_says(&p, STR(CLOSE_OK));
    CHECK(seen.dones == 1 && seen.result == PG_ASK_ANSWERED && seen.rows == 1);
    client_says(&p, STR(SYNC));
    server_says(&p, STR(READY_I));
    CHECK(str_eq(buf_view(&p.at_client), STR(READY_I)));
    peer_done(&p);
}

TEST(a_failed_peek_in_an_open_segment_is_a_failure_of_the_segment)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 0, "I");
    client_says(&p, STR(PARSE_SELECT BIND0 EXECUTE0 FLUSH));
    server_says(&p, STR(PARSE_OK BIND_OK DONE));
    forget(&p);
    CHECK_OK(ask_two(&p, PG_ASK_PEEK, 700, &seen));
    server_says(&p, STR(ERROR_MSG));
    CHECK(seen.result == PG_ASK_FAILED && str_eq(buf_view(&p.at_client), STR(ERROR_MSG)));
    forget(&p);
    client_says(&p, STR(PARSE_SELECT BIND0 EXECUTE0 SYNC));
    CHECK(str_eq(buf_view(&p.at_server), STR(SYNC)));
    server_says(&p, STR(READY_I));
    CHECK(str_eq(buf_view(&p.at_client), STR(READY_I)));
    peer_done(&p);
}

TEST(the_session_goes_on_behind_a_question_that_nobody_waits_for)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 0, "I");
    CHECK_OK(ask_two(&p, PG_ASK_LOOK, 700, &seen));
    pg_ask_cancel(p.state->sessions);
    CHECK(seen.dones == 1 && seen.result == PG_ASK_CANCELLED);
    forget(&p);
    client_says(&p, STR(SELECT_1));
    CHECK(str_eq(buf_view(&p.at_server), STR(SELECT_1)));
    server_says(&p, STR(PART PART PART PART PART_ROW PART READY_T CLOSE_OK CLOSE_OK PART READY_I DONE READY_I));
    CHECK(str_eq(buf_view(&p.at_client), STR(DONE READY_I)));
    CHECK(seen.dones == 1 && seen.rows == 0);
    peer_done(&p);
}

TEST(a_server_that_does_not_answer_in_time_is_not_waited_for)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 0, "I");
    CHECK_OK(ask_two(&p, PG_ASK_LOOK, 5 - LIMIT_PG_ASK_GRACE_MS, &seen));
    for (int i = 0; i < 100 && seen.dones == 0; i++) {
        usleep(2000);
        settle(&p);
    }
    CHECK(seen.dones == 1 && seen.result == PG_ASK_TIMED_OUT);
    server_says(&p, STR(PART PART PART PART PART PART READY_T CLOSE_OK CLOSE_OK PART READY_I));
    CHECK(seen.dones == 1 && buf_len(&p.at_client) == 0);
    CHECK_OK(ask_two(&p, PG_ASK_PEEK, 700, &seen));
    peer_done(&p);
}

TEST(a_transaction_that_is_no_longer_the_clients_ends_the_session)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 0, "T");
    CHECK_OK(ask_two(&p, PG_ASK_LOOK, 700, &seen));
    server_says(&p, STR(PARSE_OK ERROR_MSG READY_E CLOSE_OK CLOSE_OK PARSE_OK ERROR_MSG READY_E));
    CHECK(got(&p.at_client, "FATAL") && seen.result == PG_ASK_ENDED && seen.dones == 1);
    peer_done(&p);
}

TEST(a_server_that_dies_or_copies_during_a_question_ends_the_session)
{
    struct peer p;
    struct seen seen;
    open_peer(&p, 0, "I");
    CHECK_OK(ask_two(&p, PG_ASK_LOOK, 700, &seen));
    server_says(&p, STR("E\0\0\0\x1fSFATAL\0VFATAL\0C57P01\0Mbye\0\0"));
    CHECK(got(&p.at_client, "57P01"));
    close(p.server);
    p.server = -1;
    settle(&p);
    CHECK(seen.dones == 1 && seen.result == PG_ASK_ENDED);
    peer_done(&p);

    open_peer(&p, 0, "I");
    CHECK_OK(ask_two(&p, PG_ASK_PEEK, 700, &seen));
    server_says(&p, STR(PARSE_OK BIND_OK "G\0\0\0\7\0\0\0"));
    CHECK(got(&p.at_client, "FATAL") && seen.result == PG_ASK_ENDED && seen.dones == 1);
    peer_done(&p);
}

TEST(an_answer_that_is_too_long_is_no_answer)
{
    struct peer p;
    struct seen seen;
    struct buf row;
    open_peer(&p, 0, "I");
    CHECK_OK(ask_two(&p, PG_ASK_PEEK, 700, &seen));
    server_says(&p, STR(PARSE_OK BIND_OK));
    buf_init(&row, 1 << 20);
    uint32_t n = LIMIT_PG_INSPECTED;
    CHECK_OK(buf_put_u8(&row, 'D'));
    CHECK_OK(buf_put_u32(&row, n + 10));
    CHECK_OK(buf_put_u16(&row, 1));
    CHECK_OK(buf_put_u32(&row, n));
    for (uint32_t i = 0; i < n; i++)
        CHECK_OK(buf_put(&row, "x", 1));
    server_says(&p, buf_view(&row));
    server_says(&p, STR(DONE CLOSE_OK CLOSE_OK PART_ROW READY_I CLOSE_OK READY_I));
    CHECK(seen.result == PG_ASK_TOO_LONG && seen.rows == 0 && buf_len(&p.at_client) == 0);
    buf_done(&row);
    peer_done(&p);
}

TEST(parameters_are_text_and_null_is_null)
{
    struct buf b;
    struct str values[] = {STR_INIT("ab"), {NULL, 0}, {"", 0}};
    buf_init(&b, KIB);
    CHECK_OK(pg_ask_parameters(&b, values, 3));
    CHECK(str_eq(buf_view(&b), STR("\0\0\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0\0\0")));
    buf_done(&b);
}

TAP_MAIN(T(a_look_leaves_nothing_behind_and_the_client_sees_nothing_of_it),
         T(in_a_transaction_a_look_stands_between_savepoints), T(names_of_questions_differ),
         T(what_is_not_the_questions_passes), T(nothing_is_asked_where_it_would_disturb),
         T(in_an_open_segment_a_peek_ends_no_transaction),
         T(a_failed_peek_in_an_open_segment_is_a_failure_of_the_segment),
         T(the_session_goes_on_behind_a_question_that_nobody_waits_for),
         T(a_server_that_does_not_answer_in_time_is_not_waited_for),
         T(a_transaction_that_is_no_longer_the_clients_ends_the_session),
         T(a_server_that_dies_or_copies_during_a_question_ends_the_session),
         T(an_answer_that_is_too_long_is_no_answer), T(parameters_are_text_and_null_is_null))
