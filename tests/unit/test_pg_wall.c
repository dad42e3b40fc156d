#include "tap.h"

#include "pgpeer.h"
#include "source/pg/session.h"

#define SELECT_1 "Q\0\0\0\x0dSELECT 1\0"
#define DELETE_A "Q\0\0\0\x12" "DELETE FROM a\0"
#define DONE "C\0\0\0\x0dSELECT 1\0"
#define DELETED "C\0\0\0\x0d" "DELETE 3\0"
#define SET_DONE "C\0\0\0\x08SET\0"
#define PARSE_OK "1\0\0\0\4"
#define BIND_OK "2\0\0\0\4"
#define CLOSE_OK "3\0\0\0\4"
#define READ_ONLY_ON "S\0\0\0\x25" "default_transaction_read_only\0on\0"
#define READ_ONLY_OFF "S\0\0\0\x26" "default_transaction_read_only\0off\0"
#define ERROR_MSG "E\0\0\0\x1eSERROR\0VERROR\0C57014\0Mno\0\0"
/* What the server says to a statement of the wall's own in extended messages. */
#define OWN_PART CLOSE_OK PARSE_OK BIND_OK SET_DONE CLOSE_OK CLOSE_OK
#define OWN_FAILED CLOSE_OK ERROR_MSG

static bool got(const struct buf *b, const char *needle)
{
    return str_contains(buf_view(b), str_of(needle));
}

static size_t at(const struct buf *b, struct str needle)
{
    struct str v = buf_view(b);
    for (size_t i = 0; i + needle.n <= v.n; i++)
        if (memcmp(v.p + i, needle.p, needle.n) == 0)
            return i;
    return SIZE_MAX;
}

static void walled(struct peer *p, size_t chunk)
{
    peer_init(p, 0);
    p->resource.wall_read_only = true;
    client_says(p, STARTUP);
    CHECK(got(&p->at_server, "default_transaction_read_only"));
    server_says(p, STR(AUTH_OK_MSG SCS_ON READ_ONLY_ON KEY_MSG READY_I));
    CHECK(got(&p->at_client, "default_transaction_read_only") && at(&p->at_client, STR(READ_ONLY_OFF)) != SIZE_MAX);
    forget(p);
    p->chunk = chunk;
}

TEST(a_server_that_does_not_report_the_state_is_not_trusted_with_it)
{
    struct peer p;
    peer_init(&p, 0);
    p.resource.wall_read_only = true;
    client_says(&p, STARTUP);
    server_says(&p, STR(AUTH_OK_MSG SCS_ON KEY_MSG READY_I));
    CHECK(got(&p.at_client, "FATAL") && got(&p.at_client, "ZC004"));
    peer_done(&p);
}

TEST(a_read_is_sent_as_it_is)
{
    struct peer p;
    walled(&p, 1);
    client_says(&p, STR(SELECT_1));
    CHECK(str_eq(buf_view(&p.at_server), STR(SELECT_1)));
    server_says(&p, STR(DONE READY_I));
    CHECK(str_eq(buf_view(&p.at_client), STR(DONE READY_I)));
    CHECK(str_eq(buf_view(&p.at_server), STR(SELECT_1)));
    peer_done(&p);
}

TEST(a_write_is_lifted_and_a_read_waits_until_the_wall_stands_again)
{
    for (size_t chunk = 0; chunk < 2; chunk++) {
        struct peer p;
        walled(&p, chunk);
        client_says(&p, STR(DELETE_A));
        size_t lift = at(&p.at_server, STR("SET default_transaction_read_only = off")), message = at(&p.at_server, STR(DELETE_A));
        CHECK(lift != SIZE_MAX && message != SIZE_MAX && lift < message);
        forget(&p);
        server_says(&p, STR(SET_DONE READ_ONLY_OFF READY_I DELETED READY_I));
        CHECK(str_eq(buf_view(&p.at_client), STR(DELETED READY_I)));
        CHECK(got(&p.at_server, "SET default_transaction_read_only = on"));
        forget(&p);
        client_says(&p, STR(SELECT_1));
        CHECK(buf_len(&p.at_server) == 0);
        server_says(&p, STR(OWN_PART READ_ONLY_ON READY_I));
        CHECK(str_eq(buf_view(&p.at_server), STR(SELECT_1)));
        CHECK(buf_len(&p.at_client) == 0);
        server_says(&p, STR(DONE READY_I));
        CHECK(str_eq(buf_view(&p.at_client), STR(DONE READY_I)));
        peer_done(&p);
    }
}

TEST(restoring_that_fails_is_tried_again_and_at_last_ends_the_session)
{
    struct peer p;
    walled(&p, 0);
    client_says(&p, STR(DELETE_A));
    server_says(&p, STR(SET_DONE READ_ONLY_OFF READY_I DELETED READY_I));
    forget(&p);
    client_says(&p, STR(SELECT_1));
    for (int i = 0; i < 3; i++) {
        server_says(&p, STR(OWN_FAILED READY_I));
        CHECK(got(&p.at_server, "SET default_transaction_read_only = on") && !got(&p.at_server, "SELECT 1"));
        CHECK(buf_len(&p.at_client) == 0);
        forget(&p);
    }
    for (int i = 0; i < 200 && !got(&p.at_client, "FATAL"); i++)
        server_says(&p, STR(OWN_FAILED READY_I));
    CHECK(got(&p.at_client, "could not be restored") && !got(&p.at_server, "SELECT 1"));
    peer_done(&p);
}

TEST(writes_that_follow_each_other_closely_never_wear_the_wall_out)
{
    struct peer p;
    walled(&p, 0);
    client_says(&p, STR(DELETE_A));
    for (int i = 0; i < 300; i++) {
        server_says(&p, STR(SET_DONE READ_ONLY_OFF READY_I DELETED READY_I));
        forget(&p);
        client_says(&p, STR(DELETE_A)); /* before the restoring statement is answered */
        CHECK(got(&p.at_server, "SET default_transaction_read_only = off"));
        server_says(&p, STR(OWN_PART READ_ONLY_ON READY_I));
    }
    CHECK(!got(&p.at_client, "FATAL"));
    peer_done(&p);
}

TEST(a_default_that_something_else_switched_off_is_switched_on_before_the_next_read)
{
    struct peer p;
    walled(&p, 0);
    client_says(&p, STR(SELECT_1));
    server_says(&p, STR(DONE READ_ONLY_OFF READY_I));
    CHECK(str_eq(buf_view(&p.at_client), STR(DONE READY_I)));
    CHECK(got(&p.at_server, "SET default_transaction_read_only = on"));
    forget(&p);
    client_says(&p, STR(SELECT_1));
    CHECK(buf_len(&p.at_server) == 0);
    peer_done(&p);
}

TAP_MAIN(T(a_server_that_does_not_report_the_state_is_not_trusted_with_it), T(a_read_is_sent_as_it_is),
         T(a_write_is_lifted_and_a_read_waits_until_the_wall_stands_again),
         T(restoring_that_fails_is_tried_again_and_at_last_ends_the_session),
         T(writes_that_follow_each_other_closely_never_wear_the_wall_out),
         T(a_default_that_something_else_switched_off_is_switched_on_before_the_next_read))
