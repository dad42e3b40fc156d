#include "tap.h"

#include "pgpeer.h"

/* What one side has got since forget(). */
#define CHECK_GOT(buffer, want)                                                                    \
    do {                                                                                           \
        struct str w_ = (want), g_ = buf_view(&(buffer));                                          \
        if (!str_eq(g_, w_)) {                                                                     \
            tap.failures++;                                                                        \
            printf("# %s:%d: %s has %zu bytes, not %zu:", __FILE__, __LINE__, #buffer, g_.n, w_.n); \
            for (size_t i_ = 0; i_ < g_.n && i_ < 300; i_++)                                       \
                printf(g_.p[i_] >= ' ' && g_.p[i_] < 127 ? "%c" : "\\%02x", g_.p[i_] & 255);       \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

#define SELECT_1 "Q\0\0\0\x0dSELECT 1\0"
#define HELD_Q "Q\0\0\0\x1c" "DELETE FROM a/*HOLDME*/\0"
#define DENIED_Q "Q\0\0\0\x0b" "DENYME\0"
#define WATCHED_Q "Q\0\0\0\x17" "SELECT /*WATCH*/ 1\0"
#define SYNC "S\0\0\0\4"
#define FLUSH "H\0\0\0\4"
#define PARSE_OK "1\0\0\0\4"
#define BIND_OK "2\0\0\0\4"
#define CLOSE_OK "3\0\0\0\4"
#define NO_DATA "n\0\0\0\4"
#define DONE "C\0\0\0\x0dSELECT 1\0"
#define ERROR_MSG "E\0\0\0\x13SERROR\0C42601\0\0"
#define PARSE(name, sql, len) "P\0\0\0" len name "\0" sql "\0\0\0"
#define BIND0 "B\0\0\0\x0c\0\0\0\0\0\0\0\0"
#define EXECUTE0 "E\0\0\0\x09\0\0\0\0\0"
#define PARSE_HELD "P\0\0\0\x15\0DELETE HOLDME\0\0\0"
#define PARSE_SELECT "P\0\0\0\x10\0SELECT 1\0\0\0"

static bool got(const struct buf *b, const char *needle)
{
    return str_contains(buf_view(b), str_of(needle));
}

static char type_at(const struct buf *b, size_t i)
{
    return i < buf_len(b) ? buf_view(b).p[i] : '\0';
}

TEST(the_login_is_relayed_and_the_cancel_secret_is_not_the_servers)
{
    struct peer p;
    peer_init(&p, 1);
    client_says(&p, STARTUP);
    CHECK_GOT(p.at_server, STARTUP);
    server_says(&p, STR("R\0\0\0\x08\0\0\0\3"));
    CHECK_GOT(p.at_client, STR("R\0\0\0\x08\0\0\0\3"));
    forget(&p);
    client_says(&p, STR("p\0\0\0\x0bsecret\0"));
    CHECK_GOT(p.at_server, STR("p\0\0\0\x0bsecret\0"));
    forget(&p);
    server_says(&p, STR(AUTH_OK_MSG SCS_ON KEY_MSG READY_I));
    CHECK(p.opened == 1);
    struct str all = buf_view(&p.at_client);
    CHECK(all.n == 9 + 36 + 13 + 6);
    CHECK(memcmp(all.p + 9 + 36, "K\0\0\0\x0c\0\0\x10\x01", 9) == 0);
    CHECK(memcmp(all.p + 9 + 36 + 9, "\xca\xfe\xba\xbe", 4) != 0);
    peer_done(&p);
    CHECK(p.closed == 1);
}

TEST(encryption_that_is_not_offered_is_answered_n_once)
{
    struct peer p;
    peer_init(&p, 0);
    client_says(&p, STR("\0\0\0\x08\x04\xd2\x16\x30"));
    CHECK_GOT(p.at_client, STR("N"));
    client_says(&p, STR("\0\0\0\x08\x04\xd2\x16\x2f"));
    CHECK_GOT(p.at_client, STR("NN"));
    client_says(&p, STR("\0\0\0\x08\x04\xd2\x16\x2f"));
    CHECK(got(&p.at_client, "FATAL") && got(&p.at_client, "twice"));
    CHECK(p.server == -1);
    peer_done(&p);
}

TEST(an_allowed_query_passes_byte_for_byte_at_every_segmentation)
{
    for (size_t chunk = 0; chunk < 16; chunk++) {
        struct peer p;
        peer_init(&p, chunk);
        log_in(&p);
        client_says(&p, STR(SELECT_1 SELECT_1));
        CHECK_GOT(p.at_server, STR(SELECT_1 SELECT_1));
        CHECK_STR(str_of(p.text), "SELECT 1");
        server_says(&p, STR("D\0\0\0\x0b\0\1\0\0\0\1" "1" DONE READY_I DONE READY_I));
        CHECK_GOT(p.at_client, STR("D\0\0\0\x0b\0\1\0\0\0\1" "1" DONE READY_I DONE READY_I));
        CHECK(p.submits == 2);
        peer_done(&p);
    }
}

TEST(nothing_of_a_held_query_leaves_before_its_release)
{
    for (size_t chunk = 0; chunk < 8; chunk++) {
        struct peer p;
        peer_init(&p, chunk);
        log_in(&p);
        client_says(&p, STR(HELD_Q SELECT_1));
        CHECK_GOT(p.at_server, STR(""));
        CHECK(p.submits == 1);
        pg_source.release(p.owner, &the_hold, 0);
        settle(&p);
        CHECK_GOT(p.at_server, STR(HELD_Q SELECT_1));
        CHECK(p.submits == 2);
        peer_done(&p);
    }
}

TEST(a_refused_query_outside_a_transaction_is_answered_here)
{
    struct peer p;
    struct refusal r = {REFUSAL_REJECTED, 42, STR("rejected"), STR("not today"), STR("ask again")};
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(HELD_Q SELECT_1));
    pg_source.refuse(p.owner, &the_hold, &r);
    settle(&p);
    CHECK(got(&p.at_client, "ZC002") && got(&p.at_client, "not today") && got(&p.at_client, "ask again"));
    CHECK(str_ends(buf_view(&p.at_client), STR(READY_I)));
    CHECK_GOT(p.at_server, STR(SELECT_1)); /* the session goes on */
    peer_done(&p);
}

TEST(a_refusal_inside_a_transaction_fails_it_on_the_server_too)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("Q\0\0\0\x0a" "BEGIN\0"));
    server_says(&p, STR("C\0\0\0\x0a" "BEGIN\0" READY_T));
    forget(&p);
    client_says(&p, STR(DENIED_Q));
    CHECK(type_at(&p.at_server, 0) == 'Q' && !got(&p.at_server, "DENYME"));
    CHECK_GOT(p.at_client, STR(""));
    server_says(&p, STR(ERROR_MSG READY_E));
    CHECK(got(&p.at_client, "ZC001") && !got(&p.at_client, "42601"));
    CHECK(str_ends(buf_view(&p.at_client), STR(READY_E)));
    peer_done(&p);
}

TEST(a_refusal_behind_unanswered_queries_keeps_the_order)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(SELECT_1 DENIED_Q));
    CHECK_GOT(p.at_client, STR(""));
    server_says(&p, STR(DONE READY_I));
    CHECK_GOT(p.at_client, STR(DONE READY_I));
    server_says(&p, STR(ERROR_MSG READY_I));
    CHECK(got(&p.at_client, "ZC001"));
    peer_done(&p);
}

TEST(nothing_of_a_held_execute_leaves_not_even_its_parse)
{
    for (size_t chunk = 0; chunk < 8; chunk++) {
        struct peer p;
        peer_init(&p, chunk);
        log_in(&p);
        client_says(&p, STR(PARSE_HELD BIND0 "D\0\0\0\6P\0" EXECUTE0 SYNC));
        CHECK_GOT(p.at_server, STR(""));
        CHECK_STR(str_of(p.operation), "execute");
        CHECK_STR(str_of(p.text), "DELETE HOLDME");
        pg_source.release(p.owner, &the_hold, THE_RUN);
        settle(&p);
        CHECK_GOT(p.at_server, STR(PARSE_HELD BIND0 "D\0\0\0\6P\0" EXECUTE0 SYNC));
        server_says(&p, STR(PARSE_OK BIND_OK NO_DATA "C\0\0\0\x0d" "DELETE 7\0" READY_I));
        CHECK(p.outcomes == 1 && p.outcome.kind == RUN_COMPLETED && p.outcome.rows == 7);
        CHECK_STR(str_of(p.outcome_tag), "DELETE 7");
        peer_done(&p);
    }
}

TEST(a_refused_execute_skips_to_sync_and_fails_upstream)
{
    struct peer p;
    struct refusal r = {REFUSAL_REJECTED, 42, STR("rejected"), STR("no"), STR("")};
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(PARSE_HELD BIND0 EXECUTE0 PARSE_SELECT BIND0 EXECUTE0));
    pg_source.refuse(p.owner, &the_hold, &r);
    settle(&p);
    CHECK(type_at(&p.at_server, 0) == 'P' && !got(&p.at_server, "HOLDME") && !got(&p.at_server, "SELECT"));
    server_says(&p, STR(ERROR_MSG));
    CHECK(got(&p.at_client, "ZC002") && !got(&p.at_client, "42601"));
    forget(&p);
    client_says(&p, STR(SELECT_1 SYNC));
    CHECK_GOT(p.at_server, STR(SYNC)); /* skipped, like the server would */
    server_says(&p, STR(READY_I));
    CHECK_GOT(p.at_client, STR(READY_I));
    forget(&p);
    client_says(&p, STR(SELECT_1));
    CHECK_GOT(p.at_server, STR(SELECT_1));
    peer_done(&p);
}

TEST(an_earlier_failure_in_the_pipeline_withdraws_what_is_held)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(PARSE_SELECT BIND0 EXECUTE0 PARSE_HELD BIND0 EXECUTE0 SYNC));
    CHECK_GOT(p.at_server, STR(PARSE_SELECT BIND0 EXECUTE0));
    forget(&p);
    server_says(&p, STR(PARSE_OK BIND_OK ERROR_MSG));
    CHECK(p.withdrawals == 1);
    CHECK_GOT(p.at_server, STR(SYNC));
    server_says(&p, STR(READY_I));
    CHECK(str_ends(buf_view(&p.at_client), STR(READY_I)));
    peer_done(&p);
}

#define PARSE_S3_DELETE "P\0\0\0\x17s3\0DELETE HOLDME\0\0\0"
#define PARSE_S3_SELECT "P\0\0\0\x12s3\0SELECT 1\0\0\0"
#define BIND_S3 "B\0\0\0\x0e\0s3\0\0\0\0\0\0\0"

TEST(a_name_whose_new_parse_failed_still_stands_for_the_old_text)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(PARSE_S3_DELETE SYNC));
    server_says(&p, STR(PARSE_OK READY_I));
    forget(&p);
    /* All at once: the server will refuse the second Parse and keep the DELETE. */
    client_says(&p, STR(PARSE_S3_SELECT SYNC BIND_S3 EXECUTE0 SYNC));
    CHECK_GOT(p.at_server, STR(PARSE_S3_SELECT SYNC)); /* the Bind waits for the answer */
    CHECK(p.submits == 0);
    server_says(&p, STR(ERROR_MSG READY_I));
    CHECK(p.submits == 1);
    CHECK_STR(str_of(p.text), "DELETE HOLDME");
    CHECK_GOT(p.at_server, STR(PARSE_S3_SELECT SYNC));
    peer_done(&p);
}

TEST(an_aborted_pipeline_changes_no_names)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(PARSE_S3_DELETE SYNC));
    server_says(&p, STR(PARSE_OK READY_I));
    /* The server ignores Close and Parse behind the error; a gateway that believes them is lost. */
    client_says(&p, STR(PARSE_SELECT BIND0 EXECUTE0 "C\0\0\0\x08Ss3\0" PARSE_S3_SELECT SYNC));
    server_says(&p, STR(PARSE_OK BIND_OK ERROR_MSG READY_I));
    forget(&p);
    client_says(&p, STR(BIND_S3 EXECUTE0 SYNC));
    CHECK_STR(str_of(p.text), "DELETE HOLDME");
    CHECK_GOT(p.at_server, STR(""));
    peer_done(&p);
}

TEST(what_a_setting_may_change_is_not_read_before_the_setting_is_known)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("Q\0\0\0\x2aSET standard_conforming_strings = off\0" SELECT_1));
    CHECK(p.submits == 1);
    server_says(&p, STR("C\0\0\0\x08SET\0" READY_I));
    CHECK(p.submits == 2);
    CHECK(got(&p.at_server, "SELECT 1"));
    peer_done(&p);
}

static bool lower_is_trusted_after(const char *set, size_t length)
{
    struct peer p;
    struct buf q;
    peer_init(&p, 0);
    log_in(&p);
    buf_init(&q, 1000);
    CHECK_OK(pg_put_query(&q, str_from(set, length)));
    client_says(&p, buf_view(&q));
    server_says(&p, STR(DONE READY_I));
    buf_clear(&q);
    CHECK_OK(pg_put_query(&q, STR("SELECT lower('X')")));
    client_says(&p, buf_view(&q));
    CHECK_STR(str_of(p.text), "SELECT lower('X')");
    bool trusted = p.action.sql != NULL && (p.action.sql->classes & SQL_DYNAMIC) == 0;
    buf_done(&q);
    peer_done(&p);
    return trusted;
}

TEST(a_search_path_that_hides_the_catalogue_in_any_spelling_makes_its_functions_unknown)
{
    static const struct str hiding[] = {
        STR_INIT("SET search_path = evil, pg_catalog"),
        STR_INIT("SELECT set_config('search_path', 'evil, PG_CATALOG', false)"),
        STR_INIT("SELECT set_config('sea' || 'rch_path', 'evil, pg_catalog', false)"),
    };
    for (size_t i = 0; i < ARRAY_LEN(hiding); i++)
        CHECK(!lower_is_trusted_after(hiding[i].p, hiding[i].n));
    struct str plain = STR("SET search_path = shop, public");
    CHECK(lower_is_trusted_after(plain.p, plain.n));
}

TEST(a_statement_prepared_in_sql_is_known_when_it_is_bound)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("Q\0\0\0\x24" "PREPARE s3 AS DELETE FROM a --x\0"));
    server_says(&p, STR("C\0\0\0\x0cPREPARE\0" READY_I));
    forget(&p);
    client_says(&p, STR(BIND_S3 EXECUTE0 SYNC));
    CHECK_STR(str_of(p.text), "PREPARE s3 AS DELETE FROM a --x");
    CHECK(p.action.sql != NULL && (p.action.sql->classes & SQL_DELETE) != 0);
    client_says(&p, STR("Q\0\0\0\x0f" "EXECUTE s3\0"));
    peer_done(&p);
}

TEST(execute_in_sql_carries_the_facts_of_a_statement_parsed_by_protocol)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(PARSE_S3_DELETE SYNC));
    server_says(&p, STR(PARSE_OK READY_I));
    client_says(&p, STR("Q\0\0\0\x0f" "EXECUTE s3\0"));
    CHECK(str_contains(str_of(p.described), STR("DELETE HOLDME")));
    peer_done(&p);
}

TEST(an_unknown_portal_is_dynamic)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("E\0\0\0\x0cxyz\0\0\0\0\0" SYNC));
    CHECK_STR(str_of(p.text), "FETCH ALL FROM \"xyz\"");
    CHECK(p.action.sql != NULL && (p.action.sql->classes & SQL_DYNAMIC) != 0);
    peer_done(&p);
}

TEST(fetching_on_from_a_suspended_portal_is_the_same_run)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(PARSE_SELECT BIND0 EXECUTE0 FLUSH));
    server_says(&p, STR(PARSE_OK BIND_OK "s\0\0\0\4"));
    client_says(&p, STR(EXECUTE0 SYNC));
    CHECK(p.submits == 1);
    server_says(&p, STR(DONE READY_I));
    client_says(&p, STR(BIND0 EXECUTE0 SYNC)); /* a new Bind is a new run */
    CHECK(p.submits == 2);
    peer_done(&p);
}

static int secret_of(struct peer *p, char out[static 8])
{
    struct str all = buf_view(&p->at_client);
    const char *k = memmem(all.p, all.n, "K\0\0\0\x0c", 5);
    if (k == NULL)
        return -1;
    memcpy(out, k + 5, 8);
    return 0;
}

static void log_in_with_key(struct peer *p, char key[static 8])
{
    client_says(p, STARTUP);
    server_says(p, STR(AUTH_OK_MSG SCS_ON KEY_MSG READY_I));
    CHECK(secret_of(p, key) == 0);
    forget(p);
}

static void send_cancel(struct peer *p, const char key[static 8])
{
    char message[16] = "\0\0\0\x10\x04\xd2\x16\x2e";
    memcpy(message + 8, key, 8);
    int fd = peer_connect(p);
    CHECK(send(fd, message, sizeof(message), MSG_NOSIGNAL) == (ssize_t)sizeof(message));
    settle(p);
    close(fd);
    settle(p);
}

TEST(cancel_withdraws_what_is_held_with_57014)
{
    struct peer p;
    char key[8];
    peer_init(&p, 0);
    log_in_with_key(&p, key);
    client_says(&p, STR(HELD_Q));
    send_cancel(&p, key);
    CHECK(p.withdrawals == 1 && !p.gone);
    CHECK(got(&p.at_client, "57014") && str_ends(buf_view(&p.at_client), STR(READY_I)));
    CHECK_GOT(p.at_server, STR(""));
    pg_source.release(p.owner, &the_hold, 0); /* too late: nothing happens */
    settle(&p);
    CHECK_GOT(p.at_server, STR(""));
    peer_done(&p);
}

TEST(cancel_of_a_running_query_reaches_the_server_with_its_own_secret)
{
    struct peer p;
    char key[8];
    peer_init(&p, 0);
    log_in_with_key(&p, key);
    client_says(&p, STR(SELECT_1));
    int first = p.server;
    p.server = -1; /* the next connection is the errand */
    forget(&p);
    send_cancel(&p, key);
    CHECK_GOT(p.at_server, STR("\0\0\0\x10\x04\xd2\x16\x2e\0\0\x10\x01\xca\xfe\xba\xbe"));
    close(p.server);
    p.server = first;
    peer_done(&p);
}

TEST(cancel_with_a_wrong_secret_is_told_to_peers_and_does_nothing)
{
    struct peer p;
    char key[8];
    peer_init(&p, 0);
    log_in_with_key(&p, key);
    client_says(&p, STR(HELD_Q));
    key[7] ^= 1;
    send_cancel(&p, key);
    CHECK(p.told_peers == 1 && memcmp(p.peer_message, key, 8) == 0);
    CHECK(p.withdrawals == 0);
    key[7] ^= 1;
    pg_source.peer_bytes(p.state, (struct str){key, 8}); /* the other worker knows it */
    settle(&p);
    CHECK(p.withdrawals == 1);
    peer_done(&p);
}

TEST(a_client_that_goes_away_withdraws)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(HELD_Q));
    close(p.client);
    p.client = -1;
    settle(&p);
    CHECK(p.withdrawals == 1 && p.gone);
    CHECK(!got(&p.at_server, "HOLDME"));
    peer_done(&p);
}

TEST(a_client_that_goes_away_behind_a_full_backlog_withdraws)
{
    struct peer p;
    char junk[4096];
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(HELD_Q));
    memset(junk, 'x', sizeof(junk));
    for (int i = 0; i < 400 && send(p.client, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT) > 0; i++)
        settle(&p);
    close(p.client);
    p.client = -1;
    settle(&p);
    CHECK(p.withdrawals == 1);
    peer_done(&p);
}

TEST(bytes_after_terminate_are_never_judged)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("X\0\0\0\4" SELECT_1));
    CHECK_GOT(p.at_server, STR("X\0\0\0\4"));
    CHECK(p.submits == 0);
    peer_done(&p);
}

TEST(terminate_does_not_carry_deferred_messages_with_it)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(PARSE_HELD BIND0 "X\0\0\0\4"));
    CHECK_GOT(p.at_server, STR("X\0\0\0\4"));
    peer_done(&p);
}

static void ends_with(struct str said, const char *want)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, said);
    CHECK(got(&p.at_client, "FATAL") && got(&p.at_client, want));
    CHECK(!got(&p.at_server, "DELETE"));
    CHECK(p.closed == 1);
    peer_done(&p);
}

TEST(what_breaks_the_protocol_ends_the_session_with_a_reason)
{
    ends_with(STR("y\0\0\0\4"), "invalid frontend message type 121");
    ends_with(STR("Q\0\0\0\3"), "invalid message length");
    ends_with(STR("Q\x7f\xff\xff\xff"), "54000");
    ends_with(STR("S\0\0\0\x05x"), "invalid message length");
    ends_with(STR("Q\0\0\0\x0a" "DELETE"), "malformed");
    ends_with(STR("p\0\0\0\5x"), "invalid frontend message type 112");
    ends_with(STR("B\0\0\0\6\0\0"), "malformed");
}

TEST(a_server_message_that_answers_nothing_ends_the_session)
{
    static const struct str answers[] = {STR_INIT(PARSE_OK), STR_INIT(READY_I), STR_INIT("D\0\0\0\6\0\0"),
                                         STR_INIT("K\0\0\0\x0c\0\0\0\1\0\0\0\2"), STR_INIT("?\0\0\0\4"),
                                         STR_INIT("1\0\0\0\3"), STR_INIT("G\0\0\0\7\0\0\0")};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct peer p;
        peer_init(&p, 0);
        log_in(&p);
        server_says(&p, answers[i]);
        CHECK(got(&p.at_client, "FATAL") && p.closed == 1);
        peer_done(&p);
    }
}

TEST(the_backends_last_words_reach_the_client)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    server_says(&p, STR("E\0\0\0\x1aSFATAL\0VFATAL\0C57P01\0\0"));
    close(p.server);
    p.server = -1;
    p.listener = dup(p.listener);
    settle(&p);
    CHECK(got(&p.at_client, "57P01") && !got(&p.at_client, "08006"));
    CHECK(p.closed == 1);
    peer_done(&p);
}

TEST(a_notice_waits_for_the_end_of_the_servers_message)
{
    struct peer p;
    struct hold_notice n = {.request = 42, .first = true, .message = STR("big"), .approvers = STR("1 of dba"),
                            .remaining_ns = 900000000000};
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(HELD_Q));
    server_says(&p, STR("A\0\0\0\x0d\0\0\0\1" "ch"));
    pg_source.notice(p.owner, &the_hold, &n);
    settle(&p);
    CHECK(!got(&p.at_client, "request 42"));
    server_says(&p, STR("\0x\0"));
    CHECK(str_starts(buf_view(&p.at_client), STR("A\0\0\0\x0d\0\0\0\1" "ch\0x\0N")));
    CHECK(got(&p.at_client, "request 42") && got(&p.at_client, "1 of dba") && got(&p.at_client, "15m"));
    peer_done(&p);
}

TEST(syncs_sent_during_copy_are_not_waited_for)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("P\0\0\0\x19\0COPY a FROM STDIN\0\0\0" BIND0 EXECUTE0 SYNC));
    server_says(&p, STR(PARSE_OK BIND_OK "G\0\0\0\7\0\0\0"));
    forget(&p);
    client_says(&p, STR("d\0\0\0\6x\n" "c\0\0\0\4" SYNC));
    CHECK_GOT(p.at_server, STR("d\0\0\0\6x\n" "c\0\0\0\4" SYNC));
    server_says(&p, STR("C\0\0\0\x0b" "COPY 1\0" READY_I));
    CHECK(str_ends(buf_view(&p.at_client), STR(READY_I)));
    client_says(&p, STR(SELECT_1));
    CHECK(got(&p.at_server, "SELECT 1"));
    peer_done(&p);
}

TEST(a_query_during_copy_is_never_forwarded)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("Q\0\0\0\x16" "COPY a FROM STDIN\0"));
    server_says(&p, STR("G\0\0\0\7\0\0\0"));
    forget(&p);
    client_says(&p, STR("d\0\0\0\6x\n" SELECT_1));
    CHECK(!got(&p.at_server, "SELECT"));
    CHECK(got(&p.at_client, "during COPY"));
    peer_done(&p);
}

TEST(copy_data_streams_at_every_segmentation)
{
    for (size_t chunk = 1; chunk < 12; chunk++) {
        struct peer p;
        peer_init(&p, 0);
        log_in(&p);
        client_says(&p, STR("Q\0\0\0\x16" "COPY a FROM STDIN\0"));
        server_says(&p, STR("G\0\0\0\7\0\0\0"));
        forget(&p);
        p.chunk = chunk;
        client_says(&p, STR("d\0\0\0\x0f" "abc\tdef\tghi" "d\0\0\0\4" "c\0\0\0\4"));
        CHECK_GOT(p.at_server, STR("d\0\0\0\x0f" "abc\tdef\tghi" "d\0\0\0\4" "c\0\0\0\4"));
        peer_done(&p);
    }
}

TEST(channel_binding_is_not_offered_and_a_client_that_wanted_it_is_told)
{
    struct peer p;
    peer_init(&p, 1);
    client_says(&p, STARTUP);
    server_says(&p, STR("R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"));
    CHECK_GOT(p.at_client, STR("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"));
    forget(&p);
    client_says(&p, STR("p\0\0\0\x1dSCRAM-SHA-256\0\0\0\0\x07y,,n=,r"));
    CHECK(got(&p.at_client, "channel_binding=disable"));
    CHECK_GOT(p.at_server, STR(""));
    peer_done(&p);
}

TEST(a_run_cut_off_is_unknown)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR(WATCHED_Q));
    CHECK_GOT(p.at_server, STR(WATCHED_Q));
    close(p.server);
    p.server = -1;
    settle(&p);
    CHECK(p.outcomes == 1 && p.outcome.kind == RUN_UNKNOWN);
    peer_done(&p);
}

TEST(a_bind_that_might_run_code_when_planned_does_not_leave_unjudged)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("P\0\0\0\x20\0SELECT purge(/*HOLDME*/)\0\0\0" BIND0 SYNC));
    CHECK_STR(str_of(p.operation), "bind");
    CHECK_GOT(p.at_server, STR(""));
    peer_done(&p);
}

TEST(a_function_call_is_judged_by_its_oid)
{
    struct peer p;
    peer_init(&p, 0);
    log_in(&p);
    client_says(&p, STR("F\0\0\0\x12\0\0\x03\xc4\0\0\0\1\0\0\0\0\0\0"));
    CHECK_STR(str_of(p.operation), "function_call");
    CHECK(str_contains(str_of(p.described), STR("\"function_oid\":964")));
    peer_done(&p);
}

TAP_MAIN(T(the_login_is_relayed_and_the_cancel_secret_is_not_the_servers),
         T(encryption_that_is_not_offered_is_answered_n_once),
         T(an_allowed_query_passes_byte_for_byte_at_every_segmentation),
         T(nothing_of_a_held_query_leaves_before_its_release),
         T(a_refused_query_outside_a_transaction_is_answered_here),
         T(a_refusal_inside_a_transaction_fails_it_on_the_server_too),
         T(a_refusal_behind_unanswered_queries_keeps_the_order),
         T(nothing_of_a_held_execute_leaves_not_even_its_parse),
         T(a_refused_execute_skips_to_sync_and_fails_upstream),
         T(an_earlier_failure_in_the_pipeline_withdraws_what_is_held),
         T(a_name_whose_new_parse_failed_still_stands_for_the_old_text),
         T(an_aborted_pipeline_changes_no_names),
         T(what_a_setting_may_change_is_not_read_before_the_setting_is_known),
         T(a_search_path_that_hides_the_catalogue_in_any_spelling_makes_its_functions_unknown),
         T(a_statement_prepared_in_sql_is_known_when_it_is_bound),
         T(execute_in_sql_carries_the_facts_of_a_statement_parsed_by_protocol),
         T(an_unknown_portal_is_dynamic), T(fetching_on_from_a_suspended_portal_is_the_same_run),
         T(cancel_withdraws_what_is_held_with_57014),
         T(cancel_of_a_running_query_reaches_the_server_with_its_own_secret),
         T(cancel_with_a_wrong_secret_is_told_to_peers_and_does_nothing),
         T(a_client_that_goes_away_withdraws), T(a_client_that_goes_away_behind_a_full_backlog_withdraws),
         T(bytes_after_terminate_are_never_judged), T(terminate_does_not_carry_deferred_messages_with_it),
         T(what_breaks_the_protocol_ends_the_session_with_a_reason),
         T(a_server_message_that_answers_nothing_ends_the_session),
         T(the_backends_last_words_reach_the_client),
         T(a_notice_waits_for_the_end_of_the_servers_message), T(syncs_sent_during_copy_are_not_waited_for),
         T(a_query_during_copy_is_never_forwarded), T(copy_data_streams_at_every_segmentation),
         T(channel_binding_is_not_offered_and_a_client_that_wanted_it_is_told), T(a_run_cut_off_is_unknown),
         T(a_bind_that_might_run_code_when_planned_does_not_leave_unjudged),
         T(a_function_call_is_judged_by_its_oid))
