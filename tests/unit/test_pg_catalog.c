#include "tap.h"

#include "base/limits.h"
#include "pgpeer.h"
#include "source/pg/session.h"

#define Q_TABLE "Q\0\0\0\x14SELECT * FROM t\0"
#define Q_CREATE "Q\0\0\0\x15" "CREATE TABLE n()\0"
#define DONE "C\0\0\0\x0dSELECT 1\0"
#define PARSE_OK "1\0\0\0\4"
#define BIND_OK "2\0\0\0\4"
#define CLOSE_OK "3\0\0\0\4"
#define ERROR_MSG "E\0\0\0\x1eSERROR\0VERROR\0C42601\0Mno\0\0"
#define CONTEXT_ROW "D\0\0\0\x31\0\4\0\0\0\x13{pg_catalog,public}\0\0\0\3ana\0\0\0\4shop\0\0\0\0010"
#define TABLE_ROW "D\0\0\0\x1d\0\5\0\0\0\0011\0\0\0\1u\0\0\0\1-\xff\xff\xff\xff\xff\xff\xff\xff"
#define VIEW_ROW "D\0\0\0\x29\0\5\0\0\0\0011\0\0\0\1u\0\0\0\1q\0\0\0\x0cSELECT bad()\xff\xff\xff\xff"
#define PART(rows) PARSE_OK BIND_OK rows DONE CLOSE_OK CLOSE_OK
#define BEGUN PART("") PART("") PART("") PART("") /* BEGIN, limits of time and of waiting, no JIT */
#define ENDED READY_T CLOSE_OK CLOSE_OK PART("") READY_I
#define NO_FUNCTION BEGUN PART(CONTEXT_ROW) PART("") ENDED

static bool got(const struct buf *b, const char *needle)
{
    return str_contains(buf_view(b), str_of(needle));
}

static bool asked(const struct peer *p)
{
    return got(&p->at_server, "current_schemas");
}

static void open_peer(struct peer *p)
{
    peer_init(p, 0);
    p->resource.catalog = true;
    log_in(p);
}

TEST(a_statement_waits_until_the_catalogue_has_answered)
{
    struct peer p;
    open_peer(&p);
    client_says(&p, STR(Q_TABLE));
    CHECK(asked(&p) && !got(&p.at_server, "SELECT * FROM t") && p.submits == 0);
    forget(&p);
    server_says(&p, STR(BEGUN PART(CONTEXT_ROW) PART(TABLE_ROW) PART("") ENDED));
    CHECK(p.submits == 1 && p.dynamic == 0);
    CHECK(str_eq(buf_view(&p.at_server), STR(Q_TABLE)) && buf_len(&p.at_client) == 0);
    peer_done(&p);
}

TEST(what_is_known_is_not_asked_again_until_a_definition_is_changed)
{
    struct peer p;
    open_peer(&p);
    client_says(&p, STR(Q_TABLE));
    server_says(&p, STR(BEGUN PART(CONTEXT_ROW) PART(TABLE_ROW) PART("") ENDED));
    server_says(&p, STR(DONE READY_I));
    forget(&p);
    client_says(&p, STR(Q_TABLE));
    CHECK(str_eq(buf_view(&p.at_server), STR(Q_TABLE)));
    server_says(&p, STR(DONE READY_I));
    forget(&p);
    pg_source.peer_bytes(p.state, STR("D")); /* somebody at another worker */
    client_says(&p, STR(Q_TABLE));
    CHECK(asked(&p));
    server_says(&p, STR(BEGUN PART(CONTEXT_ROW) PART(TABLE_ROW) PART("") ENDED));
    server_says(&p, STR(DONE READY_I));
    forget(&p);
    client_says(&p, STR(Q_CREATE)); /* event triggers are asked for */
    server_says(&p, STR(BEGUN PART(CONTEXT_ROW) PART("") PART("") ENDED));
    CHECK(p.told_peers == 1);
    server_says(&p, STR("C\0\0\0\x11" "CREATE TABLE\0" READY_I));
    CHECK(p.told_peers == 2);
    forget(&p);
    client_says(&p, STR(Q_TABLE));
    CHECK(asked(&p));
    peer_done(&p);
}

TEST(a_view_brings_what_it_calls_and_a_missing_function_stays_unknown)
{
    struct peer p;
    open_peer(&p);
    client_says(&p, STR(Q_TABLE));
    server_says(&p, STR(BEGUN PART(CONTEXT_ROW) PART(VIEW_ROW) PART("") ENDED));
    CHECK(p.submits == 0 && asked(&p)); /* a second question, for bad() */
    server_says(&p, STR(NO_FUNCTION));
    CHECK(p.submits == 1 && p.dynamic == SQL_D_FUNCTION && p.unknown_functions == 1);
    peer_done(&p);
}

TEST(no_answer_is_no_harmlessness)
{
    struct peer p;
    open_peer(&p);
    client_says(&p, STR(Q_TABLE));
    server_says(&p, STR(PARSE_OK ERROR_MSG ENDED));
    CHECK(p.submits == 1 && p.dynamic == SQL_D_CATALOG && p.may_write);
    server_says(&p, STR(DONE READY_I));
    forget(&p);
    client_says(&p, STR(Q_TABLE)); /* and it is asked anew */
    CHECK(asked(&p));
    server_says(&p, STR(BEGUN PART(CONTEXT_ROW) PART("D\0\0\0\6\0\0") PART("") ENDED));
    CHECK(p.submits == 2 && p.dynamic == SQL_D_CATALOG);
    peer_done(&p);
}

TEST(ctrl_c_while_the_catalogue_is_asked_answers_the_statement)
{
    struct peer p;
    open_peer(&p);
    client_says(&p, STR(Q_TABLE));
    pg_waiting_cancel(p.state->sessions);
    settle(&p);
    CHECK(got(&p.at_client, "57014") && p.submits == 0);
    forget(&p);
    server_says(&p, STR(BEGUN PART(CONTEXT_ROW) PART(TABLE_ROW) PART("") ENDED));
    CHECK(buf_len(&p.at_client) == 0 && !got(&p.at_server, "SELECT * FROM t"));
    peer_done(&p);
}

TEST(a_search_path_that_puts_something_before_pg_catalog_is_noticed)
{
    struct peer p;
    open_peer(&p);
    client_says(&p, STR("Q\0\0\0\x14SELECT lower(1)\0"));
    server_says(&p, STR(BEGUN PART("D\0\0\0\x31\0\4\0\0\0\x13{public,pg_catalog}\0\0\0\3ana\0\0\0\4shop\0\0\0\0010")
                        PART("") PART("") ENDED));
    /* Read anew: lower() is anybody's now. */
    CHECK(p.submits == 0 && !p.state->sessions->catalog_first);
    server_says(&p, STR(BEGUN PART("D\0\0\0\x31\0\4\0\0\0\x13{public,pg_catalog}\0\0\0\3ana\0\0\0\4shop\0\0\0\0010")
                        PART("") ENDED));
    CHECK(p.submits == 1 && (p.dynamic & SQL_D_FUNCTION) != 0);
    peer_done(&p);
}

TEST(the_answer_is_never_given_to_another_path)
{
    struct peer p;
    open_peer(&p);
    client_says(&p, STR(Q_TABLE));
    server_says(&p, STR(BEGUN PART(CONTEXT_ROW) PART(TABLE_ROW) PART("") ENDED));
    server_says(&p, STR(DONE READY_I));
    client_says(&p, STR("Q\0\0\0\x1cSET search_path = other\0"));
    server_says(&p, STR("C\0\0\0\x08SET\0" READY_I));
    forget(&p);
    client_says(&p, STR(Q_TABLE));
    CHECK(asked(&p) && !got(&p.at_server, "SELECT * FROM t"));
    peer_done(&p);
}

TAP_MAIN(T(a_statement_waits_until_the_catalogue_has_answered),
         T(what_is_known_is_not_asked_again_until_a_definition_is_changed),
         T(a_view_brings_what_it_calls_and_a_missing_function_stays_unknown), T(no_answer_is_no_harmlessness),
         T(ctrl_c_while_the_catalogue_is_asked_answers_the_statement),
         T(a_search_path_that_puts_something_before_pg_catalog_is_noticed),
         T(the_answer_is_never_given_to_another_path))
