#include "tap.h"

#include "base/limits.h"
#include "certificate.h"
#include "net/fetch.h"
#include "net/listener.h"
#include "net/tls.h"
#include "net_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* A server on the same loop that says `answer` once a request's head is there. */
struct server {
    struct loop *loop;
    struct listener *listener;
    struct tls_context *tls;
    struct probe calls[8];
    int n;
    uint16_t port;
    const char *answer; /* NULL: never */
    bool close;         /* after the answer */
    int answered;
};

static void on_accepted(void *ctx, int fd)
{
    struct server *s = ctx;
    struct probe *p = &s->calls[s->n++];
    probe_init(p);
    CHECK(s->n <= 8);
    CHECK_OK(stream_adopt(s->loop, fd, &probe_ops, p, &p->stream));
    if (s->tls != NULL)
        CHECK_OK(stream_start_tls(p->stream, s->tls, STR(""), STR("")));
}

static int listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 8) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

/* Answers what came whole since the last look. */
static void serve(struct server *s)
{
    for (int i = 0; i < s->n; i++) {
        struct probe *p = &s->calls[i];
        if (s->answer == NULL || p->stream == NULL || p->ended != 0 ||
            !str_contains(buf_view(&p->got), STR("\r\n\r\n")))
            continue;
        CHECK_OK(stream_write(p->stream, str_of(s->answer)));
        s->answered++;
        if (s->close)
            probe_act(p, PROBE_CLOSE);
        else
            buf_clear(&p->got);
    }
}

/* What `done` was told. */
struct heard {
    int done;
    enum err why;
    int status;
    char text[600], type[100];
    struct buf body;
    struct fetch *cancel; /* to cancel in `done` */
};

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct heard *h = ctx;
    h->done++;
    h->why = r->why;
    h->status = r->status;
    snprintf(h->text, sizeof(h->text), "%.*s", STR_FMT(r->text));
    snprintf(h->type, sizeof(h->type), "%.*s", STR_FMT(fetch_result_header(r, "content-type")));
    buf_init(&h->body, 1 << 24);
    CHECK_OK(buf_put_str(&h->body, r->body));
    fetch_cancel(h->cancel);
}

struct rig {
    struct loop *loop;
    struct fetcher *fetcher;
    struct server server;
    char url[100];
};

static void rig_init(struct rig *r, bool tls, const char *answer)
{
    *r = (struct rig){0};
    CHECK_OK(loop_new(&r->loop));
    CHECK_OK(fetcher_new(r->loop, &r->fetcher));
    int fd = listen_on_loopback(&r->server.port);
    r->server.loop = r->loop;
    r->server.answer = answer;
    CHECK_OK(listener_new(r->loop, fd, on_accepted, &r->server, &r->server.listener));
    if (tls) {
        struct tls_error error = {""};
        if (cert_file[0] == '\0')
            write_certificate();
        CHECK_OK(tls_server_new(str_of(cert_file), str_of(key_file), &r->server.tls, &error));
    }
    snprintf(r->url, sizeof(r->url), "%s://127.0.0.1:%u/path?secret=hush", tls ? "https" : "http",
             r->server.port);
}

static void rig_done(struct rig *r)
{
    fetcher_free(r->fetcher);
    for (int i = 0; i < r->server.n; i++)
        probe_done(&r->server.calls[i]);
    listener_free(r->server.listener);
    tls_context_free(r->server.tls);
    loop_free(r->loop);
}

static void until_done(struct rig *r, const struct heard *h)
{
    for (int i = 0; i < 3000 && h->done == 0; i++) {
        loop_turn(r->loop);
        serve(&r->server);
        usleep(1000);
    }
    CHECK(h->done == 1);
}

static struct heard get(struct rig *r, struct fetch_request q)
{
    struct heard h = {0};
    const char *why = "";
    if (q.url.n == 0)
        q.url = str_of(r->url);
    CHECK_OK(fetch_start(r->fetcher, &q, on_done, &h, NULL, &why));
    CHECK(h.done == 0);
    until_done(r, &h);
    return h;
}

#define PLAIN_ANSWER "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

TEST(an_answer_comes_whole_with_status_headers_and_body)
{
    struct rig r;
    rig_init(&r, false, PLAIN_ANSWER);
    struct heard h = get(&r, (struct fetch_request){0});
    CHECK_OK(h.why);
    CHECK(h.status == 200);
    CHECK_STR(str_of(h.type), "text/plain");
    CHECK_STR(buf_view(&h.body), "hello");
    buf_done(&h.body);
    rig_done(&r);
}

TEST(a_body_and_headers_are_sent_as_given_and_one_connection_serves_several)
{
    struct rig r;
    struct fetch_header headers[] = {{STR("Content-Type"), STR("application/json")},
                                     {STR("X-Empty"), STR("")}};
    rig_init(&r, false, NULL);
    struct heard h = {0};
    const char *why = "";
    struct fetch_request q = {.url = str_of(r.url), .headers = headers, .n_headers = 2, .body = STR("{\"a\":1}")};
    CHECK_OK(fetch_start(r.fetcher, &q, on_done, &h, NULL, &why));
    for (int i = 0; i < 2000 && (r.server.n == 0 || !str_ends(buf_view(&r.server.calls[0].got), STR("{\"a\":1}"))); i++) {
        loop_turn(r.loop);
        usleep(1000);
    }
    struct str sent = buf_view(&r.server.calls[0].got);
    CHECK(str_starts(sent, STR("POST /path?secret=hush HTTP/1.1\r\n")));
    CHECK(str_contains(sent, STR("\r\nContent-Type: application/json\r\n")));
    CHECK(str_contains(sent, STR("\r\nX-Empty:\r\n")));
    CHECK(str_contains(sent, STR("\r\nContent-Length: 7\r\n")));
    CHECK(!str_contains(sent, STR("Expect:")));
    r.server.answer = PLAIN_ANSWER;
    until_done(&r, &h);
    buf_done(&h.body);
    h = get(&r, (struct fetch_request){0});
    CHECK_OK(h.why);
    CHECK(r.server.n == 1 && r.server.answered == 2);
    buf_done(&h.body);
    rig_done(&r);
}

TEST(a_status_of_refusal_is_an_answer_not_an_error)
{
    struct rig r;
    rig_init(&r, false, "HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n");
    struct heard h = get(&r, (struct fetch_request){0});
    CHECK_OK(h.why);
    CHECK(h.status == 503);
    buf_done(&h.body);
    rig_done(&r);
}

TEST(an_answer_longer_than_asked_for_is_an_error_and_gives_no_bytes)
{
    /* With its length said, and without. */
    const char *answers[] = {PLAIN_ANSWER, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct rig r;
        rig_init(&r, false, answers[i]);
        r.server.close = i == 1;
        struct heard h = get(&r, (struct fetch_request){.max_body = 4});
        CHECK_ERR(h.why, ERR_LIMIT);
        CHECK(buf_len(&h.body) == 0);
        CHECK_STR(str_of(h.text), "127.0.0.1: the answer is longer than allowed");
        rig_done(&r);
    }
}

TEST(headers_without_end_are_an_error)
{
    struct rig r;
    static char answer[200000];
    size_t at = (size_t)sprintf(answer, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; at < 150000; i++)
        at += (size_t)sprintf(answer + at, "X-%d: %050d\r\n", i, i);
    sprintf(answer + at, "Content-Length: 0\r\n\r\n");
    rig_init(&r, false, answer);
    struct heard h = get(&r, (struct fetch_request){0});
    CHECK_ERR(h.why, ERR_LIMIT);
    rig_done(&r);
}

TEST(a_cut_answer_is_an_error)
{
    struct rig r;
    rig_init(&r, false, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    r.server.close = true;
    struct heard h = get(&r, (struct fetch_request){0});
    CHECK_ERR(h.why, ERR_IO);
    CHECK(buf_len(&h.body) == 0);
    rig_done(&r);
}

TEST(a_silent_server_is_given_up_in_time_and_nothing_of_the_path_is_said)
{
    struct rig r;
    rig_init(&r, false, NULL);
    struct heard h = get(&r, (struct fetch_request){.timeout_ms = 50});
    CHECK_ERR(h.why, ERR_TIMEOUT);
    CHECK_STR(str_of(h.text), "127.0.0.1: no answer in time");
    rig_done(&r);
}

TEST(nobody_listening_is_an_error)
{
    struct rig r;
    rig_init(&r, false, NULL);
    listener_free(r.server.listener);
    r.server.listener = NULL;
    struct heard h = get(&r, (struct fetch_request){0});
    CHECK_ERR(h.why, ERR_IO);
    CHECK(strstr(h.text, "hush") == NULL && strstr(h.text, "127.0.0.1") != NULL);
    rig_done(&r);
}

TEST(redirects_are_followed_only_where_asked_for_and_never_to_another_protocol)
{
    struct rig r;
    rig_init(&r, false, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    struct heard h = get(&r, (struct fetch_request){0});
    CHECK_OK(h.why);
    CHECK(h.status == 302 && r.server.answered == 1);
    buf_done(&h.body);
    h = get(&r, (struct fetch_request){.redirects = 3});
    CHECK_ERR(h.why, ERR_IO);
    CHECK(r.server.answered == 1 + 4);
    r.server.answer = "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n";
    h = get(&r, (struct fetch_request){.redirects = 3});
    CHECK_ERR(h.why, ERR_FORBIDDEN);
    CHECK(buf_len(&h.body) == 0);
    rig_done(&r);
}

TEST(a_certificate_that_nobody_vouches_for_is_refused)
{
    struct rig r;
    rig_init(&r, true, PLAIN_ANSWER);
    struct heard h = get(&r, (struct fetch_request){0});
    CHECK_ERR(h.why, ERR_FORBIDDEN);
    CHECK(r.server.answered == 0);
    h = get(&r, (struct fetch_request){.ca_file = str_of(cert_file)});
    CHECK_OK(h.why);
    CHECK_STR(buf_view(&h.body), "hello");
    buf_done(&h.body);
    rig_done(&r);
}

TEST(a_certificate_for_another_name_is_refused)
{
    struct rig r;
    rig_init(&r, true, PLAIN_ANSWER);
    snprintf(r.url, sizeof(r.url), "https://localhost:%u/", r.server.port);
    struct heard h = get(&r, (struct fetch_request){.ca_file = str_of(cert_file)});
    CHECK_ERR(h.why, ERR_FORBIDDEN);
    CHECK(r.server.answered == 0);
    rig_done(&r);
}

TEST(the_environments_proxy_is_not_heard)
{
    struct rig r;
    rig_init(&r, false, PLAIN_ANSWER);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct heard h = get(&r, (struct fetch_request){0});
    CHECK_OK(h.why);
    buf_done(&h.body);
    h = get(&r, (struct fetch_request){.proxy = STR("http://127.0.0.1:1")});
    CHECK_ERR(h.why, ERR_IO);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    rig_done(&r);
}

TEST(what_is_cancelled_is_not_heard_of_again)
{
    struct rig r;
    struct heard h = {0}, other = {0};
    struct fetch *x = NULL;
    const char *why = "";
    rig_init(&r, false, NULL);
    struct fetch_request q = {.url = str_of(r.url)};
    CHECK_OK(fetch_start(r.fetcher, &q, on_done, &h, &x, &why));
    fetch_cancel(x);
    CHECK_OK(fetch_start(r.fetcher, &q, on_done, &h, &x, &why));
    for (int i = 0; i < 2000 && (r.server.n == 0 || buf_len(&r.server.calls[r.server.n - 1].got) == 0); i++) {
        loop_turn(r.loop);
        usleep(1000);
    }
    /* From inside another one's end. */
    q.timeout_ms = 20;
    other.cancel = x;
    CHECK_OK(fetch_start(r.fetcher, &q, on_done, &other, NULL, &why));
    until_done(&r, &other);
    r.server.answer = PLAIN_ANSWER;
    for (int i = 0; i < 50; i++) {
        loop_turn(r.loop);
        serve(&r.server);
    }
    CHECK(h.done == 0);
    /* And what the fetcher takes along. */
    q.timeout_ms = 0;
    CHECK_OK(fetch_start(r.fetcher, &q, on_done, &h, &x, &why));
    turns(r.loop, 3);
    rig_done(&r);
    CHECK(h.done == 0);
}

static const char *refused(const char *url, bool https_only)
{
    const char *why = fetch_url_refused(str_of(url), https_only);
    return why != NULL ? why : "";
}

TEST(only_http_urls_without_a_password_are_taken)
{
    CHECK(strstr(refused("ftp://host/", false), "https://") != NULL);
    CHECK(strstr(refused("file:///etc/passwd", false), "") != NULL && refused("file:///etc/passwd", false)[0] != '\0');
    CHECK(strstr(refused("https://ana:pw@host/", false), "password") != NULL);
    CHECK(refused("host/path", false)[0] != '\0');
    CHECK(refused("", false)[0] != '\0');
    CHECK(refused("https://host/a b", false)[0] != '\0');
    CHECK(refused("https://host/\r\nX: y", false)[0] != '\0');
    CHECK(refused("https://host", true)[0] == '\0');
    CHECK(refused("http://host", false)[0] == '\0');
    CHECK(refused("http://host", true)[0] != '\0');
    CHECK(refused("http://127.evil.example/", true)[0] != '\0');
    CHECK(refused("http://127.0.0.1:8080/", true)[0] == '\0');
    CHECK(refused("http://127.1/", true)[0] == '\0');
    CHECK(refused("http://localhost:1/", true)[0] == '\0');
    CHECK(refused("http://[::1]/", true)[0] == '\0');
    CHECK(refused("http://localhost.evil.example/", true)[0] != '\0');
}

TEST(a_header_cannot_smuggle_another)
{
    struct rig r;
    struct heard h = {0};
    const char *why = "";
    rig_init(&r, false, PLAIN_ANSWER);
    struct fetch_header bad[] = {{STR("X"), STR("a\r\nY: b")}, {STR("X: y\nZ"), STR("a")}, {STR(""), STR("a")}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct fetch_request q = {.url = str_of(r.url), .headers = &bad[i], .n_headers = 1};
        CHECK_ERR(fetch_start(r.fetcher, &q, on_done, &h, NULL, &why), ERR_INVALID);
        CHECK(why[0] != '\0');
    }
    struct fetch_request q = {.url = str_of(r.url), .method = STR("GET / HTTP/1.1\r\nX:")};
    CHECK_ERR(fetch_start(r.fetcher, &q, on_done, &h, NULL, &why), ERR_INVALID);
    rig_done(&r);
}

TEST(no_more_than_the_limit_are_under_way)
{
    struct rig r;
    static struct heard h[LIMIT_FETCHES + 1];
    const char *why = "";
    rig_init(&r, false, NULL);
    struct fetch_request q = {.url = str_of(r.url)};
    for (size_t i = 0; i < LIMIT_FETCHES; i++)
        CHECK_OK(fetch_start(r.fetcher, &q, on_done, &h[i], NULL, &why));
    CHECK_ERR(fetch_start(r.fetcher, &q, on_done, &h[LIMIT_FETCHES], NULL, &why), ERR_LIMIT);
    rig_done(&r);
}

TEST(nothing_is_left_behind)
{
    CHECK(unlink(cert_file) == 0 && unlink(key_file) == 0 && rmdir(certificate_dir) == 0);
}

TAP_MAIN(T(an_answer_comes_whole_with_status_headers_and_body),
         T(a_body_and_headers_are_sent_as_given_and_one_connection_serves_several),
         T(a_status_of_refusal_is_an_answer_not_an_error),
         T(an_answer_longer_than_asked_for_is_an_error_and_gives_no_bytes),
         T(headers_without_end_are_an_error), T(a_cut_answer_is_an_error),
         T(a_silent_server_is_given_up_in_time_and_nothing_of_the_path_is_said),
         T(nobody_listening_is_an_error),
         T(redirects_are_followed_only_where_asked_for_and_never_to_another_protocol),
         T(a_certificate_that_nobody_vouches_for_is_refused),
         T(a_certificate_for_another_name_is_refused), T(the_environments_proxy_is_not_heard),
         T(what_is_cancelled_is_not_heard_of_again), T(only_http_urls_without_a_password_are_taken),
         T(a_header_cannot_smuggle_another), T(no_more_than_the_limit_are_under_way), T(nothing_is_left_behind))
