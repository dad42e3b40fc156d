#include "tap.h"

#include "base/limits.h"
#include "certificate.h"
#include "net/stream_internal.h"
#include "net/tls.h"
#include "net_probe.h"

/* Two streams against each other; contexts where asked for. */
struct rig {
    struct loop *loop;
    struct probe server, client;
    struct tls_context *server_tls, *client_tls;
};

static void rig_init(struct rig *r, bool verify)
{
    int fds[2];
    struct tls_error error = {""};
    if (cert_file[0] == '\0')
        write_certificate();
    probe_init(&r->server);
    probe_init(&r->client);
    CHECK_OK(loop_new(&r->loop));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK_OK(stream_adopt(r->loop, fds[0], &probe_ops, &r->server, &r->server.stream));
    CHECK_OK(stream_adopt(r->loop, fds[1], &probe_ops, &r->client, &r->client.stream));
    CHECK_OK(tls_server_new(str_of(cert_file), str_of(key_file), &r->server_tls, &error));
    CHECK_OK(tls_client_new(verify, verify ? str_of(cert_file) : STR(""), &r->client_tls, &error));
    CHECK_STR(str_of(error.text), "");
}

static void rig_done(struct rig *r)
{
    CHECK(r->server.late == 0 && r->client.late == 0);
    probe_done(&r->server);
    probe_done(&r->client);
    tls_context_free(r->server_tls);
    tls_context_free(r->client_tls);
    loop_free(r->loop);
}

static const struct str none = {NULL, 0};

static void start(struct rig *r, const char *name)
{
    CHECK_OK(stream_start_tls(r->server.stream, r->server_tls, none, none));
    CHECK_OK(stream_start_tls(r->client.stream, r->client_tls, str_of(name), none));
}

TEST(both_sides_are_secured_and_bytes_pass)
{
    struct rig r;
    rig_init(&r, true);
    start(&r, "db.test");
    CHECK_ERR(stream_write(r.client.stream, STR("early")), ERR_BAD_STATE);
    CHECK(turn_until(r.loop, &r.client.secured) && turn_until(r.loop, &r.server.secured));
    CHECK(stream_is_tls(r.client.stream) && stream_is_tls(r.server.stream));
    CHECK_OK(stream_write(r.client.stream, STR("ping")));
    CHECK(turn_until_length(r.loop, &r.server.got, 4));
    CHECK_OK(stream_write(r.server.stream, STR("pong")));
    CHECK(turn_until_length(r.loop, &r.client.got, 4));
    CHECK_STR(buf_view(&r.server.got), "ping");
    CHECK_STR(buf_view(&r.client.got), "pong");
    rig_done(&r);
}

TEST(large_writes_arrive_whole_and_pieces_never_exceed_one_read)
{
    struct rig r;
    static char big[5 * 1024 * 1024];
    rig_init(&r, false);
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7 >> 2);
    start(&r, "");
    CHECK(turn_until(r.loop, &r.client.secured) && turn_until(r.loop, &r.server.secured));
    CHECK_OK(stream_write(r.client.stream, str_from(big, sizeof(big))));
    CHECK(stream_is_full(r.client.stream));
    CHECK(turn_until_length(r.loop, &r.server.got, sizeof(big)));
    CHECK(str_eq(buf_view(&r.server.got), str_from(big, sizeof(big))));
    CHECK((size_t)r.server.received >= sizeof(big) / STREAM_READ_SIZE);
    CHECK(r.client.drained > 0 && !stream_is_full(r.client.stream));
    rig_done(&r);
}

TEST(a_certificate_for_another_name_is_refused_where_it_is_verified)
{
    struct rig r;
    rig_init(&r, true);
    start(&r, "other.test");
    CHECK(turn_until(r.loop, &r.client.ended));
    CHECK(r.client.secured == 0 && r.client.why == ERR_PROTOCOL);
    CHECK(strstr(r.client.text, "mismatch") != NULL);
    CHECK(turn_until(r.loop, &r.server.ended));
    CHECK(r.server.why == ERR_PROTOCOL);
    rig_done(&r);
}

TEST(an_address_is_checked_as_an_address)
{
    struct rig r;
    rig_init(&r, true);
    start(&r, "127.0.0.1");
    CHECK(turn_until(r.loop, &r.client.secured));
    rig_done(&r);
    rig_init(&r, true);
    start(&r, "127.0.0.2");
    CHECK(turn_until(r.loop, &r.client.ended));
    CHECK(r.client.secured == 0);
    rig_done(&r);
}

TEST(verification_without_a_name_is_not_possible)
{
    struct rig r;
    rig_init(&r, true);
    CHECK_ERR(stream_start_tls(r.client.stream, r.client_tls, none, none), ERR_INVALID);
    CHECK_ERR(stream_start_tls(r.client.stream, r.client_tls, STR("db.test\0x"), none), ERR_INVALID);
    rig_done(&r);
}

TEST(an_unknown_issuer_is_refused_where_it_is_verified)
{
    struct rig r;
    struct tls_error error;
    rig_init(&r, false);
    tls_context_free(r.client_tls);
    CHECK_OK(tls_client_new(true, none, &r.client_tls, &error));
    start(&r, "db.test");
    CHECK(turn_until(r.loop, &r.client.ended));
    CHECK(r.client.why == ERR_PROTOCOL && strstr(r.client.text, "certificate") != NULL);
    rig_done(&r);
}

/* CVE-2021-3935: plain bytes that came before the handshake were taken for encrypted ones. */
TEST(bytes_in_front_of_the_handshake_are_a_protocol_error)
{
    struct rig r;
    rig_init(&r, false);
    CHECK_ERR(stream_start_tls(r.server.stream, r.server_tls, none, STR("Q...DROP TABLE")),
              ERR_PROTOCOL);
    rig_done(&r);
}

TEST(plain_bytes_after_the_tls_start_never_reach_the_user)
{
    struct rig r;
    rig_init(&r, false);
    CHECK_OK(stream_start_tls(r.server.stream, r.server_tls, none, none));
    CHECK_OK(stream_write(r.client.stream, STR("Q\0\0\0\x1bSELECT destroy_all()\0")));
    CHECK(turn_until(r.loop, &r.server.ended));
    CHECK(r.server.why == ERR_PROTOCOL && r.server.received == 0 && r.server.secured == 0);
    CHECK(strncmp(r.server.text, "TLS: ", 5) == 0);
    rig_done(&r);
}

TEST(plain_bytes_written_before_the_start_go_out_plain)
{
    struct rig r;
    rig_init(&r, false);
    CHECK_OK(stream_write(r.server.stream, STR("S")));
    CHECK_OK(stream_start_tls(r.server.stream, r.server_tls, none, none));
    CHECK(turn_until_length(r.loop, &r.client.got, 1));
    CHECK_STR(buf_view(&r.client.got), "S");
    CHECK_OK(stream_start_tls(r.client.stream, r.client_tls, none, none));
    CHECK(turn_until(r.loop, &r.client.secured) && turn_until(r.loop, &r.server.secured));
    rig_done(&r);
}

TEST(an_end_inside_the_handshake_is_told_once)
{
    struct rig r;
    rig_init(&r, false);
    CHECK_OK(stream_start_tls(r.server.stream, r.server_tls, none, none));
    CHECK_OK(stream_write(r.client.stream, STR("\x16\x03\x01")));
    stream_free(r.client.stream);
    r.client.stream = NULL;
    CHECK(turn_until(r.loop, &r.server.ended));
    turns(r.loop, 5);
    CHECK(r.server.ended == 1 && r.server.why == ERR_CLOSED && r.server.secured == 0);
    CHECK(strstr(r.server.text, "handshake") != NULL);
    rig_done(&r);
}

TEST(a_client_whose_peer_goes_before_its_hello_is_told)
{
    struct rig r;
    rig_init(&r, false);
    stream_free(r.server.stream);
    r.server.stream = NULL;
    CHECK_OK(stream_start_tls(r.client.stream, r.client_tls, none, none));
    CHECK(r.client.ended == 0);
    CHECK(turn_until(r.loop, &r.client.ended));
    turns(r.loop, 5);
    CHECK(r.client.ended == 1 && r.client.secured == 0);
    rig_done(&r);
}

TEST(a_handshake_that_dribbles_in_byte_by_byte_succeeds)
{
    struct rig r;
    int fds[2];
    char c;
    rig_init(&r, false);
    stream_free(r.server.stream);
    r.server.stream = NULL;
    stream_free(r.client.stream);
    r.client.stream = NULL;
    int mid[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, mid) == 0);
    CHECK_OK(stream_adopt(r.loop, fds[0], &probe_ops, &r.server, &r.server.stream));
    CHECK_OK(stream_adopt(r.loop, mid[0], &probe_ops, &r.client, &r.client.stream));
    start(&r, "");
    for (int i = 0; i < 20000 && buf_len(&r.server.got) < 4; i++) {
        if (read(mid[1], &c, 1) == 1)
            CHECK(write(fds[1], &c, 1) == 1);
        if (read(fds[1], &c, 1) == 1)
            CHECK(write(mid[1], &c, 1) == 1);
        loop_turn(r.loop);
        if (r.client.secured == 1) {
            r.client.secured++;
            CHECK_OK(stream_write(r.client.stream, STR("slow")));
        }
    }
    CHECK_STR(buf_view(&r.server.got), "slow");
    close(fds[1]);
    close(mid[1]);
    rig_done(&r);
}

TEST(close_says_goodbye_and_the_peer_sees_an_orderly_end_after_the_last_bytes)
{
    struct rig r;
    rig_init(&r, false);
    start(&r, "");
    CHECK(turn_until(r.loop, &r.client.secured) && turn_until(r.loop, &r.server.secured));
    CHECK_OK(stream_write(r.client.stream, STR("bye")));
    stream_close(r.client.stream, 1000);
    r.client.stream = NULL;
    CHECK(turn_until(r.loop, &r.server.ended));
    CHECK_STR(buf_view(&r.server.got), "bye");
    CHECK(r.server.why == ERR_CLOSED);
    rig_done(&r);
}

TEST(a_paused_tls_stream_hands_out_nothing)
{
    struct rig r;
    static char big[200000];
    rig_init(&r, false);
    start(&r, "");
    CHECK(turn_until(r.loop, &r.client.secured) && turn_until(r.loop, &r.server.secured));
    stream_pause(r.server.stream);
    CHECK_OK(stream_write(r.client.stream, str_from(big, sizeof(big))));
    turns(r.loop, 20);
    CHECK(r.server.received == 0);
    stream_resume(r.server.stream);
    CHECK(turn_until_length(r.loop, &r.server.got, sizeof(big)));
    rig_done(&r);
}

TEST(a_stream_may_be_freed_inside_the_tls_callbacks)
{
    struct rig r;
    for (enum probe_act what = PROBE_FREE; what <= PROBE_CLOSE; what++) {
        rig_init(&r, false);
        r.server.on_secured = what;
        start(&r, "");
        CHECK(turn_until(r.loop, &r.server.secured));
        turns(r.loop, 10);
        CHECK(r.server.ended == 0);
        rig_done(&r);

        rig_init(&r, false);
        r.server.on_received = what;
        start(&r, "");
        CHECK(turn_until(r.loop, &r.client.secured));
        CHECK_OK(stream_write(r.client.stream, STR("data")));
        CHECK(turn_until(r.loop, &r.server.received));
        turns(r.loop, 10);
        CHECK(r.server.ended == 0);
        rig_done(&r);

        rig_init(&r, false);
        r.server.on_ended = what;
        CHECK_OK(stream_start_tls(r.server.stream, r.server_tls, none, none));
        CHECK_OK(stream_write(r.client.stream, STR("garbage, not a hello at all")));
        CHECK(turn_until(r.loop, &r.server.ended));
        turns(r.loop, 10);
        rig_done(&r);
    }
}

TEST(a_corrupted_record_ends_the_stream)
{
    struct rig r;
    rig_init(&r, false);
    start(&r, "");
    CHECK(turn_until(r.loop, &r.client.secured) && turn_until(r.loop, &r.server.secured));
    /* An application data record of 32 bytes that nobody encrypted. */
    static const char forged[] = "\x17\x03\x03\x00\x20"
                                 "0123456789abcdef0123456789abcdef";
    CHECK_OK(stream_send_raw(r.client.stream, str_from(forged, sizeof(forged) - 1)));
    CHECK(turn_until(r.loop, &r.server.ended));
    CHECK(r.server.why == ERR_PROTOCOL && r.server.received == 0);
    rig_done(&r);
}

TEST(keys_that_others_may_read_and_files_that_do_not_fit_are_refused)
{
    struct tls_context *t = NULL;
    struct tls_error error = {""};
    if (cert_file[0] == '\0')
        write_certificate();
    CHECK(chmod(key_file, 0644) == 0);
    CHECK_ERR(tls_server_new(str_of(cert_file), str_of(key_file), &t, &error), ERR_FORBIDDEN);
    CHECK(strstr(error.text, key_file) != NULL);
    CHECK(chmod(key_file, 0600) == 0);
    CHECK_ERR(tls_server_new(STR("/nonexistent"), str_of(key_file), &t, &error), ERR_INVALID);
    CHECK_ERR(tls_server_new(str_of(cert_file), STR("/nonexistent"), &t, &error), ERR_NOT_FOUND);
    CHECK_ERR(tls_client_new(true, STR("/nonexistent"), &t, &error), ERR_INVALID);
    CHECK(strstr(error.text, "/nonexistent") != NULL);
    CHECK(t == NULL);
}

TEST(files_are_removed_at_the_end)
{
    CHECK(unlink(cert_file) == 0 && unlink(key_file) == 0 && rmdir(certificate_dir) == 0);
}

TAP_MAIN(T(both_sides_are_secured_and_bytes_pass),
         T(large_writes_arrive_whole_and_pieces_never_exceed_one_read),
         T(a_certificate_for_another_name_is_refused_where_it_is_verified),
         T(an_address_is_checked_as_an_address), T(verification_without_a_name_is_not_possible),
         T(an_unknown_issuer_is_refused_where_it_is_verified),
         T(bytes_in_front_of_the_handshake_are_a_protocol_error),
         T(plain_bytes_after_the_tls_start_never_reach_the_user),
         T(plain_bytes_written_before_the_start_go_out_plain),
         T(an_end_inside_the_handshake_is_told_once),
         T(a_client_whose_peer_goes_before_its_hello_is_told),
         T(a_handshake_that_dribbles_in_byte_by_byte_succeeds),
         T(close_says_goodbye_and_the_peer_sees_an_orderly_end_after_the_last_bytes),
         T(a_paused_tls_stream_hands_out_nothing),
         T(a_stream_may_be_freed_inside_the_tls_callbacks), T(a_corrupted_record_ends_the_stream),
         T(keys_that_others_may_read_and_files_that_do_not_fit_are_refused),
         T(files_are_removed_at_the_end))
