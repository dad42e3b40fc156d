#include "tap.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "http_client.h"
#include "net/http.h"
#include "net/listener.h"

/*
 * A server whose routes are: /hello, /echo (POST), /big (1 MiB), /events (a stream that says
 * "data: 1"), /quit (ends the loop). Each test runs its client on a thread beside it.
 */
struct bench {
    char dir[64], path[96];
    struct loop *loop;
    struct http_server *server;
    struct http_limits limits;
    void (*client)(struct bench *b);
    atomic_int streams_closed;
    struct http_stream *stream;
    char big[MIB];
};

static size_t body_limit(void *ctx, const struct http_request *head)
{
    (void)ctx;
    return head->method == METHOD_POST ? 1000 : 0;
}

static void stream_closed(void *ctx)
{
    struct bench *b = ctx;
    b->stream = NULL;
    atomic_fetch_add(&b->streams_closed, 1);
}

static void respond(struct http_call *c, int status, struct str body)
{
    http_respond(
        c, &(struct http_response){.status = status, .type = STR("text/plain"), .body = body});
}

static void open_stream(struct bench *b, struct http_call *c)
{
    struct http_stream *s;
    if (http_stream_open(c, STR("text/event-stream"), stream_closed, b, &s) != ERR_OK) {
        respond(c, 503, STR("too many streams"));
        return;
    }
    b->stream = s;
    http_stream_send(s, STR("data: 1\n\n"));
}

static void on_request(void *ctx, struct http_call *c, const struct http_request *r)
{
    struct bench *b = ctx;
    if (str_is(r->path, "/hello"))
        respond(c, 200, STR("hello"));
    else if (str_is(r->path, "/echo"))
        respond(c, 200, r->body);
    else if (str_is(r->path, "/big"))
        respond(c, 200, str_from(b->big, sizeof(b->big)));
    else if (str_is(r->path, "/events"))
        open_stream(b, c);
    else if (str_is(r->path, "/flood")) {
        for (int i = 0; b->stream != NULL && i < 3; i++)
            http_stream_send(b->stream, str_from(b->big, sizeof(b->big) / 2));
        respond(c, 200, STR("flooded"));
    } else if (str_is(r->path, "/quit")) {
        respond(c, 204, STR(""));
        loop_stop(b->loop);
    } else
        respond(c, 404, STR("no"));
}

static void on_refused(void *ctx, struct http_call *c, struct http_refusal why)
{
    (void)ctx;
    respond(c, why.status, str_of(why.why));
}

static const struct http_ops ops = {body_limit, on_request, on_refused};

static void *client_main(void *arg)
{
    struct bench *b = arg;
    b->client(b);
    struct buf in = client_exchange(b->path, STR("GET /quit HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    buf_done(&in);
    return NULL;
}

static struct bench *bench_new(void (*client)(struct bench *b))
{
    struct bench *b = calloc(1, sizeof(*b));
    struct listen_error why;
    int fds[LISTEN_MAX_FDS];
    size_t n_fds = 0;
    memset(b->big, 'x', sizeof(b->big));
    snprintf(b->dir, sizeof(b->dir), "/tmp/test-http-XXXXXX");
    CHECK(mkdtemp(b->dir) != NULL);
    snprintf(b->path, sizeof(b->path), "%s/s", b->dir);
    b->client = client;
    b->limits = http_limits_default();
    b->limits.sweep_ms = 20;
    CHECK_OK(loop_new(&b->loop));
    struct address at = {.host = str_of(b->path), .is_unix = true};
    CHECK_OK(listen_open(&at, 0600, fds, &n_fds, &why));
    CHECK_OK(http_server_new(b->loop, &ops, b, b->limits, &b->server));
    CHECK_OK(http_server_listen(b->server, fds[0]));
    return b;
}

static void bench_run(struct bench *b)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, client_main, b) == 0);
    loop_run(b->loop);
    pthread_join(thread, NULL);
    http_server_free(b->server);
    CHECK(b->stream == NULL);
    loop_free(b->loop);
    unlink(b->path);
    rmdir(b->dir);
    free(b);
}

static void run(void (*client)(struct bench *b))
{
    bench_run(bench_new(client));
}

static void run_with(void (*client)(struct bench *b), void (*tune)(struct http_limits *m))
{
    struct bench *b = bench_new(client);
    tune(&b->limits);
    http_server_free(b->server);
    struct listen_error why;
    int fds[LISTEN_MAX_FDS];
    size_t n_fds = 0;
    struct address at = {.host = str_of(b->path), .is_unix = true};
    CHECK_OK(listen_open(&at, 0600, fds, &n_fds, &why));
    CHECK_OK(http_server_new(b->loop, &ops, b, b->limits, &b->server));
    CHECK_OK(http_server_listen(b->server, fds[0]));
    bench_run(b);
}

static void check_exchange(struct bench *b, const char *request, const char *begins,
                           const char *ends)
{
    struct buf in = client_exchange(b->path, str_of(request));
    struct str got = buf_view(&in);
    bool good = str_starts(got, str_of(begins)) && str_ends(got, str_of(ends));
    CHECK(good);
    if (!good)
        printf("# got [%.*s]\n", STR_FMT(got));
    buf_done(&in);
}

#define H "Host: h\r\n"
#define LAST H "Connection: close\r\n"

static void client_plain(struct bench *b)
{
    check_exchange(b, "GET /hello HTTP/1.1\r\n" LAST "\r\n", "HTTP/1.1 200 OK\r\n",
                   "Connection: close\r\nContent-Length: 5\r\n\r\nhello");
    check_exchange(b, "HEAD /hello HTTP/1.1\r\n" LAST "\r\n", "HTTP/1.1 200 OK\r\n",
                   "Content-Length: 5\r\n\r\n");
    check_exchange(b, "GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello");
    check_exchange(b, "POST /echo HTTP/1.1\r\n" LAST "Content-Length: 3\r\n\r\nabc", "HTTP/1.1 200",
                   "Content-Length: 3\r\n\r\nabc");
    check_exchange(b, "GET /none HTTP/1.1\r\n" LAST "\r\n", "HTTP/1.1 404 Not Found\r\n", "no");
}

TEST(a_request_is_answered_with_an_exact_length)
{
    run(client_plain);
}

static void client_pipelined(struct bench *b)
{
    check_exchange(b,
                   "GET /hello HTTP/1.1\r\n" H "\r\nPOST /echo HTTP/1.1\r\n" H
                   "Content-Length: 1\r\n\r\nxGET /none HTTP/1.1\r\n" LAST "\r\n",
                   "HTTP/1.1 200 OK\r\n", "no");
}

TEST(pipelined_requests_are_answered_in_order_on_one_connection)
{
    run(client_pipelined);
}

static void client_dribble(struct bench *b)
{
    struct str r = STR("POST /echo HTTP/1.1\r\n" LAST "Content-Length: 3\r\n\r\nabc");
    struct buf in;
    buf_init(&in, KIB);
    int fd = client_connect(b->path);
    for (size_t i = 0; i < r.n; i++)
        CHECK(client_send(fd, str_from(r.p + i, 1)));
    CHECK(client_receive(fd, &in, STR("")));
    CHECK(str_ends(buf_view(&in), STR("\r\n\r\nabc")));
    buf_done(&in);
    close(fd);
}

TEST(a_request_that_comes_byte_by_byte_is_answered)
{
    run(client_dribble);
}

static void client_refused(struct bench *b)
{
    check_exchange(b, "GET / HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\n" H "\r\n",
                   "HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 needs a Host header");
    check_exchange(b, "POST /echo HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n", "HTTP/1.1 413 ",
                   "may have");
    check_exchange(
        b, "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 400 ", "");
}

TEST(a_malformed_request_is_told_why_and_nothing_behind_it_is_read)
{
    run(client_refused);
}

static void client_go_on(struct bench *b)
{
    struct buf in;
    buf_init(&in, KIB);
    int fd = client_connect(b->path);
    CHECK(client_send(fd, STR("POST /echo HTTP/1.1\r\n" LAST
                              "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")));
    CHECK(client_receive(fd, &in, STR("HTTP/1.1 100 Continue\r\n\r\n")));
    CHECK(client_send(fd, STR("ab")));
    CHECK(client_receive(fd, &in, STR("")));
    CHECK(str_ends(buf_view(&in), STR("\r\n\r\nab")));
    buf_done(&in);
    close(fd);
}

TEST(a_client_that_waits_for_100_continue_gets_it)
{
    run(client_go_on);
}

static void short_times(struct http_limits *m)
{
    m->idle_ms = m->head_ms = m->body_ms = 100;
    m->stall_ms = 200;
}

static void client_slow(struct bench *b)
{
    struct buf in = {.cap = KIB};
    int fd = client_connect(b->path);
    CHECK(client_receive(fd, &in, STR("")));
    CHECK(buf_len(&in) == 0); /* idle: closed without a word */
    close(fd);
    static const char *const starts[] = {"GET / HTT", "POST /echo HTTP/1.1\r\n" H
                                                      "Content-Length: 9\r\n\r\nabc"};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        fd = client_connect(b->path);
        CHECK(client_send(fd, str_of(starts[i])));
        CHECK(client_receive(fd, &in, STR("408 Request Timeout")));
        buf_done(&in);
        close(fd);
    }
}

TEST(a_client_that_is_silent_or_dribbles_is_cut_off)
{
    run_with(client_slow, short_times);
}

static void client_never_reads(struct bench *b)
{
    struct buf in = {.cap = 64 * MIB};
    int fd = client_connect(b->path);
    for (int i = 0; i < 8; i++)
        CHECK(client_send(fd, STR("GET /big HTTP/1.1\r\n" H "\r\n")));
    usleep(600 * 1000);
    (void)client_receive(fd, &in, STR(""));
    CHECK(buf_len(&in) < 4 * MIB);
    buf_done(&in);
    close(fd);
}

TEST(a_client_that_never_reads_its_answers_is_cut_off_and_bounded)
{
    run_with(client_never_reads, short_times);
}

static void client_reads_late(struct bench *b)
{
    struct buf in = {.cap = 64 * MIB};
    int fd = client_connect(b->path);
    for (int i = 0; i < 8; i++)
        CHECK(client_send(fd, STR("GET /big HTTP/1.1\r\n" H "\r\n")));
    CHECK(client_send(fd, STR("GET /hello HTTP/1.1\r\n" LAST "\r\n")));
    usleep(100 * 1000);
    CHECK(client_receive(fd, &in, STR("")));
    CHECK(client_count(buf_view(&in), STR("HTTP/1.1 200 OK\r\n")) == 9);
    CHECK(buf_len(&in) > 8 * MIB);
    CHECK(str_ends(buf_view(&in), STR("hello")));
    buf_done(&in);
    close(fd);
}

TEST(a_client_that_reads_late_gets_every_answer)
{
    run(client_reads_late);
}

static void two_connections(struct http_limits *m)
{
    m->connections = 2;
}

static void client_too_many(struct bench *b)
{
    struct buf in = {.cap = KIB};
    int one = client_connect(b->path), two = client_connect(b->path);
    CHECK(client_send(one, STR("GET /hello HTTP/1.1\r\n" H "\r\n")));
    CHECK(client_receive(one, &in, STR("hello")));
    CHECK(client_send(two, STR("GET /hello HTTP/1.1\r\n" H "\r\n")));
    CHECK(client_receive(two, &in, STR("hello")));
    check_exchange(b, "GET /hello HTTP/1.1\r\n" LAST "\r\n", "HTTP/1.1 503 ",
                   "too many connections");
    buf_done(&in);
    close(one);
    close(two);
    usleep(50 * 1000);
    check_exchange(b, "GET /hello HTTP/1.1\r\n" LAST "\r\n", "HTTP/1.1 200 ", "hello");
}

TEST(a_connection_above_the_limit_gets_503_and_room_comes_back)
{
    run_with(client_too_many, two_connections);
}

/* --- Streams -------------------------------------------------------------------------------- */

static void one_stream(struct http_limits *m)
{
    m->streams = 1;
    m->heartbeat_ms = 50;
}

static bool stream_closes_once(struct bench *b)
{
    for (int i = 0; i < 200 && atomic_load(&b->streams_closed) == 0; i++)
        usleep(10 * 1000);
    return atomic_load(&b->streams_closed) == 1;
}

static void client_stream(struct bench *b)
{
    struct buf in = {.cap = 4 * KIB};
    int fd = client_connect(b->path);
    CHECK(client_send(fd, STR("GET /events HTTP/1.1\r\n" H "\r\n")));
    CHECK(client_receive(fd, &in, STR("data: 1\n\n:\n\n:\n\n")));
    CHECK(str_contains(buf_view(&in), STR("Content-Type: text/event-stream\r\n")));
    CHECK(!str_contains(buf_view(&in), STR("Content-Length")));
    check_exchange(b, "GET /events HTTP/1.1\r\n" LAST "\r\n", "HTTP/1.1 503 ", "too many streams");
    close(fd);
    CHECK(stream_closes_once(b));
    buf_done(&in);
}

TEST(a_stream_beats_is_counted_and_its_end_is_told_once)
{
    run_with(client_stream, one_stream);
}

static void client_talks_into_stream(struct bench *b)
{
    struct buf in = {.cap = 4 * KIB};
    int fd = client_connect(b->path);
    CHECK(client_send(fd, STR("GET /events HTTP/1.1\r\n" H "\r\n")));
    CHECK(client_receive(fd, &in, STR("data: 1\n\n")));
    CHECK(client_send(fd, STR("GET /hello HTTP/1.1\r\n" H "\r\n")));
    (void)client_receive(fd, &in, STR(""));
    CHECK(!str_contains(buf_view(&in), STR("hello")));
    CHECK(stream_closes_once(b));
    buf_done(&in);
    close(fd);
}

TEST(a_byte_from_the_client_ends_its_stream)
{
    run(client_talks_into_stream);
}

static void client_floods(struct bench *b)
{
    int fd = client_connect(b->path);
    struct buf in = {.cap = 4 * KIB};
    CHECK(client_send(fd, STR("GET /events HTTP/1.1\r\n" H "\r\n")));
    CHECK(client_receive(fd, &in, STR("data: 1\n\n")));
    check_exchange(b, "GET /flood HTTP/1.1\r\n" LAST "\r\n", "HTTP/1.1 200 ", "flooded");
    CHECK(stream_closes_once(b));
    buf_done(&in);
    close(fd);
}

TEST(a_stream_whose_client_does_not_read_is_closed_not_queued)
{
    run(client_floods);
}

static int left_open;

static void client_leaves_open(struct bench *b)
{
    struct buf in = {.cap = 4 * KIB};
    left_open = client_connect(b->path);
    CHECK(client_send(left_open, STR("GET /events HTTP/1.1\r\n" H "\r\n")));
    CHECK(client_receive(left_open, &in, STR("data: 1\n\n")));
    buf_done(&in);
}

TEST(freeing_the_server_ends_its_streams)
{
    run(client_leaves_open);
    close(left_open);
}

TAP_MAIN(T(a_request_is_answered_with_an_exact_length),
         T(pipelined_requests_are_answered_in_order_on_one_connection),
         T(a_request_that_comes_byte_by_byte_is_answered),
         T(a_malformed_request_is_told_why_and_nothing_behind_it_is_read),
         T(a_client_that_waits_for_100_continue_gets_it),
         T(a_client_that_is_silent_or_dribbles_is_cut_off),
         T(a_client_that_never_reads_its_answers_is_cut_off_and_bounded),
         T(a_client_that_reads_late_gets_every_answer),
         T(a_connection_above_the_limit_gets_503_and_room_comes_back),
         T(a_stream_beats_is_counted_and_its_end_is_told_once),
         T(a_byte_from_the_client_ends_its_stream),
         T(a_stream_whose_client_does_not_read_is_closed_not_queued),
         T(freeing_the_server_ends_its_streams))
