#include "tap.h"

#include <stdlib.h>

#include "base/limits.h"
#include "http_outcome.h"

struct vector {
    const char *bytes, *want;
};

#define H "Host: h\r\n"

static bool gives(struct str all, size_t cut, size_t every, const char *want)
{
    struct buf out;
    buf_init(&out, 64 * KIB);
    http_outcome(all, cut, every, &out);
    bool same = str_is(buf_view(&out), want);
    if (!same)
        CHECK_STR(buf_view(&out), want);
    buf_done(&out);
    return same;
}

static void check_at_every_cut(struct str all, const char *want)
{
    bool same = true;
    for (size_t cut = 0; same && cut < all.n; cut++)
        same = gives(all, cut, 0, want);
    for (size_t every = 1; same && every < 4; every++)
        same = gives(all, 0, every, want);
}

static void check_vectors(const struct vector *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_at_every_cut(str_of(v[i].bytes), v[i].want);
}

TEST(well_formed_requests_mean_the_same_however_they_are_cut)
{
    static const struct vector vectors[] = {
        {"GET / HTTP/1.1\r\n" H "\r\n", "GET /? host=h alive=1 body=;more"},
        {"GET /a/b?c=d&e HTTP/1.1\r\n" H "\r\n", "GET /a/b?c=d&e host=h alive=1 body=;more"},
        {"\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET /? host=h alive=1 body=;more"},
        {"GET / HTTP/1.0\r\n\r\n", "GET /? host= alive=0 body=;"},
        {"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET /x HTTP/1.1\r\n",
         "GET /? host=h alive=0 body=;"},
        {"POST /p HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n" H "\r\n",
         "POST /p? host=h alive=1 body=abc;GET /? host=h alive=1 body=;more"},
        {"POST /p HTTP/1.1\r\n" H
         "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
         "POST /p? host=h alive=1 body=abc;more"},
        {"POST /p HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
         "POST /p? host=h alive=1 body=;more"},
        {"GET http://h/x HTTP/1.1\r\n" H "\r\n", "GET /x? host=h alive=1 body=;more"},
        {"GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
         "GET /? host=h alive=1 body=;more"},
        {"POST /p HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\nabc", "more"},
        {"GET / HT", "more"},
    };
    check_vectors(vectors, ARRAY_LEN(vectors));
}

/* What smuggles a second request past a reader that disagrees (SECURITY.md: S5, S7). */
TEST(requests_that_two_readers_could_frame_differently_are_refused)
{
    static const struct vector vectors[] = {
        {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
         "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
         "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
         "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "refused 501"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
         "refused 501"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\n",
         "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", "refused 501"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\nabc", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "refused 400"},
        {"GET / HTTP/1.1\n" H "\r\n", "refused 400"},
        {"GET / HTTP/1.1\r\nHost: h\n\r\n", "refused 400"},
        {"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", "refused 400"},
        {"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", "refused 400"},
        {"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "refused 400"},
        {"GET / HTTP/1.1\r\n\r\n", "refused 400"},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "refused 400"},
        {"GET / HTTP/1.1\r\n" H ": x\r\n\r\n", "refused 400"},
        {"GET / HTTP/1.1\r\n" H "Authorization: a\r\nAuthorization: b\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
         "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n",
         "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2;x=\ny\r\nab\r\n0\r\n\r\n",
         "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
         "refused 400"},
    };
    check_vectors(vectors, ARRAY_LEN(vectors));
}

TEST(targets_methods_versions_and_expectations_are_judged)
{
    static const struct vector vectors[] = {
        {"GET http://other/x HTTP/1.1\r\n" H "\r\n", "refused 400"},
        {"GET http://hx/ HTTP/1.1\r\n" H "\r\n", "refused 400"},
        {"GET https://h/ HTTP/1.1\r\n" H "\r\n", "refused 400"},
        {"GET x HTTP/1.1\r\n" H "\r\n", "refused 400"},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "refused 400"},
        {"GET /a#b HTTP/1.1\r\n" H "\r\n", "refused 400"},
        {"GET /a b HTTP/1.1\r\n" H "\r\n", "refused 400"},
        {"GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "refused 400"},
        {"CONNECT h:1 HTTP/1.1\r\n" H "\r\n", "refused 501"},
        {"BREW / HTTP/1.1\r\n" H "\r\n", "refused 501"},
        {"MKCOL / HTTP/1.1\r\n" H "\r\n", "refused 501"},
        {"OPTIONS / RTSP/1.0\r\n" H "\r\n", "refused 400"},
        {"GET / HTTP/2.0\r\n" H "\r\n", "refused 505"},
        {"GET / HTTP/0.9\r\n\r\n", "refused 505"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused 400"},
        {"POST / HTTP/1.1\r\n" H "Expect: cake\r\nContent-Length: 1\r\n\r\n", "refused 417"},
        {"GET / HTTP/1.1\r\nX: a\x01"
         "b\r\n" H "\r\n",
         "refused 400"},
        {" GET / HTTP/1.1\r\n" H "\r\n", "refused 400"},
    };
    check_vectors(vectors, ARRAY_LEN(vectors));
}

TEST(a_nul_in_the_head_is_refused)
{
    static const char bytes[] = "GET / HTTP/1.1\r\nHost: h\0x\r\n\r\n";
    check_at_every_cut(str_from(bytes, sizeof(bytes) - 1), "refused 400");
}

/* The limit, one below, one above (S6); a longer body is refused before it is kept. */
TEST(a_body_has_the_length_its_route_allows)
{
    char body[80], request[256];
    memset(body, 'x', sizeof(body));
    for (int n = HTTP_OUTCOME_BODY_LIMIT - 1; n <= HTTP_OUTCOME_BODY_LIMIT + 1; n++) {
        bool fits = n <= HTTP_OUTCOME_BODY_LIMIT;
        struct buf out;
        buf_init(&out, KIB);
        snprintf(request, sizeof(request), "POST / HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n%.*s",
                 n, n, body);
        http_outcome(str_of(request), 0, 0, &out);
        CHECK(str_contains(buf_view(&out), STR("refused 413")) == !fits);
        buf_clear(&out);
        snprintf(request, sizeof(request),
                 "POST / HTTP/1.1\r\n" H
                 "Transfer-Encoding: chunked\r\n\r\n%x\r\n%.*s\r\n0\r\n\r\n",
                 (unsigned)n, n, body);
        http_outcome(str_of(request), 0, 0, &out);
        CHECK(str_contains(buf_view(&out), STR("refused 413")) == !fits);
        buf_done(&out);
    }
    check_at_every_cut(STR("GET / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx"), "refused 413");
}

TEST(a_head_that_is_too_long_or_has_too_many_lines_is_refused)
{
    struct buf in, out;
    buf_init(&in, MIB);
    buf_init(&out, KIB);
    CHECK_OK(buf_put_str(&in, STR("GET / HTTP/1.1\r\n" H "X: ")));
    while (buf_len(&in) <= LIMIT_HTTP_HEADERS)
        CHECK_OK(buf_put_str(&in, STR("0123456789")));
    http_outcome(buf_view(&in), 0, 0, &out);
    CHECK_STR(buf_view(&out), "refused 431");

    buf_clear(&in);
    buf_clear(&out);
    CHECK_OK(buf_put_str(&in, STR("GET / HTTP/1.1\r\n" H)));
    for (int i = 0; i < LIMIT_HTTP_HEADER_COUNT; i++)
        CHECK_OK(buf_put_str(&in, STR("X: y\r\n")));
    CHECK_OK(buf_put_str(&in, STR("\r\n")));
    http_outcome(buf_view(&in), 0, 0, &out);
    CHECK_STR(buf_view(&out), "refused 431");
    buf_done(&in);
    buf_done(&out);
}

static size_t any_body(void *ctx, const struct http_request *head)
{
    (void)ctx;
    (void)head;
    return 1000;
}

static struct http_parser *parsed(const char *bytes)
{
    struct http_parser *p;
    size_t used;
    CHECK_OK(http_parser_new(any_body, NULL, &p));
    (void)!http_parser_feed(p, str_of(bytes), &used);
    return p;
}

TEST(headers_and_query_values_are_found_and_a_doubled_parameter_is_an_error)
{
    struct http_parser *p = parsed("GET /?state=pending&limit=5&limit=6&empty=&flag HTTP/1.1\r\n" H
                                   "X-Thing:  a b \t\r\n\r\n");
    const struct http_request *r = http_parser_request(p);
    struct str v = STR("untouched");
    CHECK_STR(http_header_value(r, "x-thing"), "a b");
    CHECK(http_header_value(r, "x-other").p == NULL);
    CHECK_OK(http_query_value(r, "state", &v));
    CHECK_STR(v, "pending");
    CHECK_ERR(http_query_value(r, "limit", &v), ERR_INVALID);
    CHECK_OK(http_query_value(r, "empty", &v));
    CHECK(v.p != NULL && v.n == 0);
    CHECK_OK(http_query_value(r, "flag", &v));
    CHECK(v.p != NULL && v.n == 0);
    CHECK_OK(http_query_value(r, "fla", &v));
    CHECK(v.p == NULL);
    http_parser_free(p);
}

TEST(a_client_that_asks_is_told_to_go_on_once)
{
    struct http_parser *p =
        parsed("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK(http_parser_take_continue(p));
    CHECK(!http_parser_take_continue(p));
    http_parser_free(p);
    p = parsed("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n");
    CHECK(!http_parser_take_continue(p));
    http_parser_free(p);
}

TEST(a_complete_or_refused_parser_takes_nothing_more)
{
    size_t used;
    struct http_parser *p = parsed("GET / HTTP/1.1\r\n" H "\r\n");
    CHECK(http_parser_phase(p) == PHASE_COMPLETE);
    CHECK_ERR(http_parser_feed(p, STR("x"), &used), ERR_BUG);
    http_parser_free(p);
    p = parsed("GET / HTTP/1.1\n");
    CHECK(http_parser_phase(p) == PHASE_REFUSED);
    CHECK_ERR(http_parser_feed(p, STR("x"), &used), ERR_BUG);
    http_parser_free(p);
}

TAP_MAIN(T(well_formed_requests_mean_the_same_however_they_are_cut),
         T(requests_that_two_readers_could_frame_differently_are_refused),
         T(targets_methods_versions_and_expectations_are_judged), T(a_nul_in_the_head_is_refused),
         T(a_body_has_the_length_its_route_allows),
         T(a_head_that_is_too_long_or_has_too_many_lines_is_refused),
         T(headers_and_query_values_are_found_and_a_doubled_parameter_is_an_error),
         T(a_client_that_asks_is_told_to_go_on_once),
         T(a_complete_or_refused_parser_takes_nothing_more))
