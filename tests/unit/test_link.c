#include "tap.h"

#include "base/limits.h"
#include "link/control.h"
#include "link/link.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct str dba[] = {STR_INIT("dba"), STR_INIT("ana")};
static const struct str leads[] = {STR_INIT("leads")};
static const struct requirement reqs[] = {{.from = dba, .n_from = 2, .count = 2}, {.from = leads, .n_from = 1, .count = 1}};
static const struct link_open_hold holds[] = {{1, 10, {{1}}}, {2, 0, {{2, 3}}}};
static const uint64_t runs[] = {7, UINT64_MAX};
static const struct link_file config_files[] = {{STR_INIT("a.yaml"), STR_INIT("version: 1\n")},
                                                {STR_INIT("b.yaml"), STR_INIT("")}};

/* One of each, every field with a value of its own. */
static const struct link_message samples[] = {
    {.type = LINK_HELLO,
     .hello = {.worker = 3, .pid = 77, .holds = holds, .n_holds = 2, .runs = runs, .n_runs = 2}},
    {.type = LINK_SUBMIT,
     .submit = {.hold = 1, .envelope = STR_INIT("{\"countersign\":1}"), .digest = {{9, 8, 7}},
                .context = STR_INIT("{\"a\":1}"), .explanation = STR_INIT("[]"),
                .subject = STR_INIT("dev"), .person = STR_INIT("cy"),
                .on_behalf_of = STR_INIT("bo"), .resource = STR_INIT("shop"),
                .policy_version = STR_INIT("abc"), .guardrails = STR_INIT("bulk"),
                .message = STR_INIT("no WHERE"), .quorum = {.reqs = reqs, .n_reqs = 2},
                .decide_within_ns = 900, .run_within_ns = -1, .keep_on_disconnect = true}},
    {.type = LINK_WITHDRAW,
     .withdraw = {.hold = 4, .request = 5, .reason = STR_INIT("Ctrl-C"), .gone = true}},
    {.type = LINK_CLAIM, .claim = {.hold = 4, .request = 5, .digest = {{1, 2}}}},
    {.type = LINK_RESULT,
     .result = {.request = 5, .outcome = OUTCOME_FAILED, .tag = STR_INIT("DELETE 1"), .rows = -1,
                .error_code = STR_INIT("42P01"), .error_message = STR_INIT("no"),
                .duration_ns = 12345}},
    {.type = LINK_RECORD, .record = {STR_INIT("{\"k\":1}")}},
    {.type = LINK_SESSION,
     .session = {true, STR_INIT("0.1"), STR_INIT("dev"), STR_INIT("shop"), STR_INIT("local"),
                 STR_INIT("psql")}},
    {.type = LINK_PEERS, .peers = {STR_INIT("postgres"), STR_INIT("\0\1\2")}},
    {.type = LINK_IMPACT, .impact = {7, {{9, 8, 7}}, STR_INIT("{\"available\":true}")}},
    {.type = LINK_LOADED, .loaded = {STR_INIT("abc"), false, STR_INIT("line 3")}},
    {.type = LINK_LOGIN,
     .login = {9, {LOGIN_UPSTREAM_SCRAM, STR_INIT("shop"), STR_INIT("app"), STR_INIT("local"), STR_INIT("n=,r=a"),
                   STR_INIT("proof"), STR_INIT("\1\2\3\4"), 4096}}},
    {.type = LINK_CONFIG, .config = {config_files, 2}},
    {.type = LINK_SUBMITTED, .submitted = {4, 5, STR_INIT("1 of dba (ana)"), 1700}},
    {.type = LINK_APPROVED, .approved = {4, 5, {{1}}, STR_INIT("ana")}},
    {.type = LINK_CLAIMED, .claimed = {4, 5, {{1}}}},
    {.type = LINK_ENDED, .ended = {4, 5, END_REJECTED, STR_INIT("ana"), STR_INIT("too wide")}},
    {.type = LINK_PEER, .peer = {STR_INIT("postgres"), STR_INIT("xyz")}},
    {.type = LINK_LOGIN_ANSWER,
     .login_answer = {9, {true, STR_INIT("no"), STR_INIT("ana"), STR_INIT("p"), STR_INIT("s")}}},
    {.type = LINK_SHUTDOWN},
    {.type = LINK_LOG, .log = {true}},
};

static enum link_side receiver_of(enum link_type t)
{
    return t < LINK_CONFIG ? LINK_BROKER : LINK_WORKER;
}

struct bench {
    struct buf out, again;
    struct arena arena;
};

static struct bench bench_new(void)
{
    struct bench b;
    buf_init(&b.out, 2 * LIMIT_LINK_MESSAGE);
    buf_init(&b.again, 2 * LIMIT_LINK_MESSAGE);
    arena_init(&b.arena, 16 * MIB);
    return b;
}

static void bench_done(struct bench *b)
{
    buf_done(&b->out);
    buf_done(&b->again);
    arena_done(&b->arena);
}

/* A heap copy of exactly n bytes, so that a read past the end is caught by the sanitizer. */
static struct str exactly(struct str s, size_t n)
{
    char *p = malloc(n != 0 ? n : 1);
    if (n != 0)
        memcpy(p, s.p, n);
    return (struct str){p, n};
}

TEST(every_message_comes_back_as_it_was_sent)
{
    CHECK(ARRAY_LEN(samples) == LINK_TYPE_COUNT_ - 1);
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct bench b = bench_new();
        struct link_message m;
        size_t used = 0;
        CHECK_OK(link_encode(&b.out, &samples[i]));
        CHECK_OK(link_decode(buf_view(&b.out), receiver_of(samples[i].type), &b.arena, &m, &used));
        CHECK(used == buf_len(&b.out));
        CHECK(m.type == samples[i].type);
        CHECK_OK(link_encode(&b.again, &m));
        CHECK(str_eq(buf_view(&b.out), buf_view(&b.again)));
        bench_done(&b);
    }
}

TEST(a_submit_keeps_each_of_its_fields)
{
    struct bench b = bench_new();
    struct link_message m;
    size_t used;
    CHECK_OK(link_encode(&b.out, &samples[1]));
    CHECK_OK(link_decode(buf_view(&b.out), LINK_BROKER, &b.arena, &m, &used));
    CHECK_STR(m.submit.envelope, "{\"countersign\":1}");
    CHECK_STR(m.submit.person, "cy");
    CHECK_STR(m.submit.on_behalf_of, "bo");
    CHECK_STR(m.submit.message, "no WHERE");
    CHECK(m.submit.quorum.n_reqs == 2 && m.submit.quorum.reqs[0].count == 2);
    CHECK_STR(m.submit.quorum.reqs[0].from[1], "ana");
    CHECK_STR(m.submit.quorum.reqs[1].from[0], "leads");
    CHECK(m.submit.run_within_ns == -1 && m.submit.keep_on_disconnect);
    CHECK(digest_eq(&m.submit.digest, &samples[1].submit.digest));
    bench_done(&b);
}

TEST(a_frame_cut_anywhere_is_incomplete)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct bench b = bench_new();
        CHECK_OK(link_encode(&b.out, &samples[i]));
        for (size_t n = 0; n < buf_len(&b.out); n++) {
            struct link_message m;
            size_t used;
            struct str part = exactly(buf_view(&b.out), n);
            CHECK_ERR(link_decode(part, receiver_of(samples[i].type), &b.arena, &m, &used),
                      ERR_INCOMPLETE);
            free((void *)(uintptr_t)part.p);
        }
        bench_done(&b);
    }
}

/* The length is patched to say that the message ends earlier or later than its fields do. */
TEST(bytes_left_over_or_missing_in_a_frame_are_a_protocol_error)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct bench b = bench_new();
        CHECK_OK(link_encode(&b.out, &samples[i]));
        size_t full = buf_len(&b.out);
        CHECK_OK(buf_put_u8(&b.out, 0));
        for (size_t n = 1; n < full - 4 + 2; n++) {
            struct link_message m;
            size_t used;
            if (n == full - 4)
                continue;
            buf_patch_u32(&b.out, 0, (uint32_t)n);
            struct str part = exactly(buf_view(&b.out), n + 4);
            enum err e = link_decode(part, receiver_of(samples[i].type), &b.arena, &m, &used);
            CHECK_ERR(e, ERR_PROTOCOL);
            free((void *)(uintptr_t)part.p);
        }
        bench_done(&b);
    }
}

TEST(a_message_from_the_wrong_side_is_a_protocol_error)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct bench b = bench_new();
        struct link_message m;
        size_t used;
        enum link_side sender = receiver_of(samples[i].type) == LINK_BROKER ? LINK_WORKER : LINK_BROKER;
        CHECK_OK(link_encode(&b.out, &samples[i]));
        CHECK_ERR(link_decode(buf_view(&b.out), sender, &b.arena, &m, &used), ERR_PROTOCOL);
        bench_done(&b);
    }
}

TEST(an_impossible_length_is_refused_before_the_rest_arrives)
{
    struct bench b = bench_new();
    struct link_message m;
    size_t used;
    static const uint32_t lengths[] = {0, LIMIT_LINK_MESSAGE + 1, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        buf_clear(&b.out);
        CHECK_OK(buf_put_u32(&b.out, lengths[i]));
        CHECK_ERR(link_decode(buf_view(&b.out), LINK_BROKER, &b.arena, &m, &used), ERR_PROTOCOL);
    }
    bench_done(&b);
}

TEST(a_list_that_cannot_fit_takes_no_memory)
{
    struct bench b = bench_new();
    struct link_message m;
    size_t used;
    CHECK_OK(buf_put_u32(&b.out, 1 + 4 + 4 + 4));
    CHECK_OK(buf_put_u8(&b.out, LINK_HELLO));
    CHECK_OK(buf_put_u32(&b.out, 0));
    CHECK_OK(buf_put_u32(&b.out, 0));
    CHECK_OK(buf_put_u32(&b.out, UINT32_MAX));
    CHECK_ERR(link_decode(buf_view(&b.out), LINK_BROKER, &b.arena, &m, &used), ERR_PROTOCOL);
    CHECK(b.arena.used == 0);
    bench_done(&b);
}

TEST(truth_values_and_choices_have_no_other_forms)
{
    struct bench b = bench_new();
    struct link_message m;
    size_t used;
    CHECK_OK(link_encode(&b.out, &samples[2]));
    b.out.p[b.out.end - 1] = 2; /* gone */
    CHECK_ERR(link_decode(buf_view(&b.out), LINK_BROKER, &b.arena, &m, &used), ERR_PROTOCOL);
    buf_clear(&b.out);
    CHECK_OK(link_encode(&b.out, &samples[4]));
    for (uint32_t bad = 0; bad < 6; bad++) {
        bool good = bad >= OUTCOME_COMPLETED && bad <= OUTCOME_UNKNOWN;
        buf_patch_u32(&b.out, 4 + 1 + 8, bad);
        CHECK_ERR(link_decode(buf_view(&b.out), LINK_BROKER, &b.arena, &m, &used),
                  good ? ERR_OK : ERR_PROTOCOL);
    }
    bench_done(&b);
}

TEST(a_message_over_the_limit_is_not_appended)
{
    struct bench b = bench_new();
    char *big = calloc(1, LIMIT_LINK_MESSAGE + 1);
    struct link_message m = {.type = LINK_RECORD,
                             .record = {{big, LIMIT_LINK_MESSAGE - 5}}};
    CHECK_OK(link_encode(&b.out, &m));
    size_t before = buf_len(&b.out);
    m.record.json.n++;
    CHECK_ERR(link_encode(&b.out, &m), ERR_LIMIT);
    CHECK(buf_len(&b.out) == before);
    m.record.json.n = 10;
    b.out.cap = before + 12; /* the frame needs 19 */
    CHECK_ERR(link_encode(&b.out, &m), ERR_LIMIT);
    CHECK(buf_len(&b.out) == before);
    free(big);
    bench_done(&b);
}

/* --- control --------------------------------------------------------------------------------- */

TEST(control_passes_descriptors_and_text)
{
    int pair[2], pipe_fds[2];
    struct control_packet p;
    struct control_message got;
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && pipe(pipe_fds) == 0);
    struct control_message m = {.type = CONTROL_LISTEN, .text = STR("shop"),
                                .fds = {pipe_fds[1], pipe_fds[0]}, .n_fds = 2};
    CHECK_OK(control_send(pair[0], &m));
    CHECK_OK(control_receive(pair[1], &p, &got));
    CHECK(got.type == CONTROL_LISTEN && got.n_fds == 2 && got.fds[0] != pipe_fds[1]);
    CHECK_STR(got.text, "shop");
    char byte = 0;
    CHECK(write(got.fds[0], "x", 1) == 1 && read(pipe_fds[0], &byte, 1) == 1 && byte == 'x');
    CHECK_ERR(control_receive(pair[1], &p, &got), ERR_INCOMPLETE);
    CHECK(close(got.fds[0]) == 0 && close(got.fds[1]) == 0);
    CHECK(close(pair[0]) == 0);
    CHECK_ERR(control_receive(pair[1], &p, &got), ERR_CLOSED);
    CHECK(close(pair[1]) == 0 && close(pipe_fds[0]) == 0 && close(pipe_fds[1]) == 0);
}

TEST(control_refuses_messages_with_the_wrong_descriptors_and_closes_them)
{
    int pair[2], pipe_fds[2];
    struct control_packet p;
    struct control_message got;
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && pipe(pipe_fds) == 0);
    struct control_message m = {.type = CONTROL_LINK, .n_fds = 0};
    CHECK_ERR(control_send(pair[0], &m), ERR_INVALID);
    m = (struct control_message){.type = CONTROL_READY, .fds = {pipe_fds[0]}, .n_fds = 1};
    CHECK_ERR(control_send(pair[0], &m), ERR_INVALID);
    /* A hand-made READY that carries one. */
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } space = {0};
    char head[6] = {CONTROL_READY};
    struct iovec part = {head, sizeof(head)};
    struct msghdr h = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes,
                       .msg_controllen = sizeof(space.bytes)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                          .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(c), &pipe_fds[1], sizeof(int));
    CHECK(sendmsg(pair[0], &h, 0) == sizeof(head));
    CHECK(close(pipe_fds[1]) == 0);
    CHECK_ERR(control_receive(pair[1], &p, &got), ERR_PROTOCOL);
    char byte;
    CHECK(read(pipe_fds[0], &byte, 1) == 0); /* no writer is left */
    CHECK(send(pair[0], "\x09\0\0\0\0\0", 6, 0) == 6);
    CHECK_ERR(control_receive(pair[1], &p, &got), ERR_PROTOCOL);
    CHECK(send(pair[0], "\x03", 1, 0) == 1);
    CHECK_ERR(control_receive(pair[1], &p, &got), ERR_PROTOCOL);
    CHECK(close(pair[0]) == 0 && close(pair[1]) == 0 && close(pipe_fds[0]) == 0);
}

TAP_MAIN(T(every_message_comes_back_as_it_was_sent), T(a_submit_keeps_each_of_its_fields),
         T(a_frame_cut_anywhere_is_incomplete),
         T(bytes_left_over_or_missing_in_a_frame_are_a_protocol_error),
         T(a_message_from_the_wrong_side_is_a_protocol_error),
         T(an_impossible_length_is_refused_before_the_rest_arrives),
         T(a_list_that_cannot_fit_takes_no_memory),
         T(truth_values_and_choices_have_no_other_forms),
         T(a_message_over_the_limit_is_not_appended), T(control_passes_descriptors_and_text),
         T(control_refuses_messages_with_the_wrong_descriptors_and_closes_them))
