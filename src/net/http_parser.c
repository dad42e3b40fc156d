#include "net/http_parser.h"

#include <stdlib.h>

#include <llhttp.h>

#include "base/limits.h"

/* Where the scan of the head is: what may come next depends on nothing else. */
enum scan { SCAN_LINE_START = 1, SCAN_IN_LINE, SCAN_AFTER_CR };

struct http_parser {
    enum http_phase phase;
    http_body_limit_fn *body_limit;
    void *ctx;

    struct buf head; /* request line and header lines, empty line included */
    struct buf body;
    enum scan scan;
    bool line_empty; /* the line that is being scanned has no byte yet */

    llhttp_t llhttp;
    struct str target;
    struct http_header headers[LIMIT_HTTP_HEADER_COUNT];
    struct http_request request;
    size_t body_cap;
    bool wants_continue;
    struct http_refusal refusal;
};

static const struct {
    llhttp_method_t theirs;
    enum http_method ours;
    const char *text;
} methods[] = {
    {HTTP_GET, METHOD_GET, "GET"},
    {HTTP_HEAD, METHOD_HEAD, "HEAD"},
    {HTTP_POST, METHOD_POST, "POST"},
    {HTTP_PUT, METHOD_PUT, "PUT"},
    {HTTP_PATCH, METHOD_PATCH, "PATCH"},
    {HTTP_DELETE, METHOD_DELETE, "DELETE"},
    {HTTP_OPTIONS, METHOD_OPTIONS, "OPTIONS"},
};

/* Two of these would let two readers take different ones. */
static const char *const single_headers[] = {
    "Host",   "Content-Length", "Transfer-Encoding", "Authorization", "Content-Type",
    "Origin", "Expect",         "Last-Event-ID",
};

const char *http_method_text(enum http_method m)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (methods[i].ours == m)
            return methods[i].text;
    return "";
}

struct str http_header_value(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (str_eq_ascii_nocase(r->headers[i].name, str_of(name)))
            return r->headers[i].value;
    return (struct str){NULL, 0};
}

enum err http_query_value(const struct http_request *r, const char *name, struct str *ret)
{
    struct str rest = r->query, found = {NULL, 0};
    while (rest.n != 0) {
        struct str item = rest, key, value;
        if (!str_cut(rest, '&', &item, &rest))
            rest = (struct str){NULL, 0};
        if (!str_cut(item, '=', &key, &value)) {
            key = item;
            value = STR("");
        }
        if (!str_is(key, name))
            continue;
        if (found.p != NULL)
            return ERR_INVALID;
        found = value;
    }
    *ret = found;
    return ERR_OK;
}

static enum err refuse(struct http_parser *p, int status, const char *why)
{
    p->phase = PHASE_REFUSED;
    p->refusal = (struct http_refusal){status, why};
    return ERR_PROTOCOL;
}

/* --- The head ------------------------------------------------------------------------------- */

/* One byte of the head; *ret_ended: it was the last one. */
static enum err scan_byte(struct http_parser *p, unsigned char c, bool *ret_ended)
{
    *ret_ended = false;
    if (p->scan == SCAN_AFTER_CR) {
        if (c != '\n')
            return refuse(p, 400, "a carriage return without its line feed");
        p->scan = SCAN_LINE_START;
        *ret_ended = p->line_empty;
        return ERR_OK;
    }
    if (c == '\n')
        return refuse(p, 400, "a line feed without its carriage return");
    if (p->scan == SCAN_LINE_START) {
        if (c == ' ' || c == '\t' || c == ':')
            return refuse(p, 400, "a line that begins with white space or a colon");
        p->line_empty = c == '\r';
    }
    if ((c < 0x20 && c != '\r' && c != '\t') || c == 0x7f)
        return refuse(p, 400, "a control character in the head");
    p->scan = c == '\r' ? SCAN_AFTER_CR : SCAN_IN_LINE;
    return ERR_OK;
}

/* Collects the head; ERR_OK when its empty line came. An empty line before the request line is
 * skipped (RFC 9112 section 2.2). */
static enum err collect_head(struct http_parser *p, struct str in, size_t *ret_used)
{
    for (size_t i = 0; i < in.n; i++) {
        bool ended;
        *ret_used = i + 1;
        TRY(scan_byte(p, (unsigned char)in.p[i], &ended));
        enum err e = buf_put(&p->head, in.p + i, 1);
        if (e == ERR_LIMIT)
            return refuse(p, 431, "the head of the request is too long");
        TRY(e);
        p->phase = PHASE_HEAD;
        if (ended && buf_len(&p->head) > 2)
            return ERR_OK;
        if (ended)
            buf_clear(&p->head);
    }
    return ERR_INCOMPLETE;
}

static int on_url(llhttp_t *l, const char *at, size_t n)
{
    struct http_parser *p = l->data;
    p->target = str_from(at, n);
    return 0;
}

static int on_header_field(llhttp_t *l, const char *at, size_t n)
{
    struct http_parser *p = l->data;
    if (p->phase != PHASE_HEAD) {
        (void)refuse(p, 400, "trailers are not taken");
        return HPE_USER;
    }
    if (p->request.n_headers == LIMIT_HTTP_HEADER_COUNT) {
        (void)refuse(p, 431, "too many header lines");
        return HPE_USER;
    }
    p->headers[p->request.n_headers++] = (struct http_header){str_from(at, n), STR("")};
    return 0;
}

static int on_header_value(llhttp_t *l, const char *at, size_t n)
{
    struct http_parser *p = l->data;
    if (p->phase == PHASE_HEAD)
        p->headers[p->request.n_headers - 1].value = str_trim(str_from(at, n));
    return 0;
}

static enum err check_single_headers(struct http_parser *p)
{
    for (size_t s = 0; s < ARRAY_LEN(single_headers); s++) {
        size_t seen = 0;
        for (size_t i = 0; i < p->request.n_headers; i++)
            seen += str_eq_ascii_nocase(p->headers[i].name, str_of(single_headers[s]));
        if (seen > 1)
            return refuse(p, 400, "a header that may come once came twice");
    }
    return ERR_OK;
}

static enum err check_method_and_version(struct http_parser *p)
{
    struct str all = buf_view(&p->head);
    const char *behind = p->target.p + p->target.n;
    struct str version = {behind, (size_t)(all.p + all.n - behind)};
    if (!str_starts(version, STR(" HTTP/"))) /* llhttp also knows RTSP, ICE and HTTP/0.9 */
        return refuse(p, 400, "not a well-formed HTTP request");
    if (p->llhttp.http_major != 1 || p->llhttp.http_minor > 1)
        return refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (methods[i].theirs == (llhttp_method_t)p->llhttp.method)
            p->request.method = methods[i].ours;
    if (p->request.method == 0)
        return refuse(p, 501, "the method is not known here");
    return ERR_OK;
}

/* Path and query out of the target (RFC 9112 section 3.2: origin-form, and absolute-form where it
 * names the Host itself). */
static enum err check_target(struct http_parser *p)
{
    struct str t = p->target;
    struct str scheme = STR("http://");
    if (str_starts(t, scheme)) {
        struct str authority = p->request.host;
        t = str_from(t.p + scheme.n, t.n - scheme.n);
        if (authority.n == 0 || !str_starts(t, authority))
            return refuse(p, 400, "the target names another host");
        t = str_from(t.p + authority.n, t.n - authority.n);
    }
    if (t.n == 0 || t.p[0] != '/')
        return refuse(p, 400, "the target is not a path of this server");
    if (memchr(t.p, '#', t.n) != NULL)
        return refuse(p, 400, "the target has a fragment");
    struct str path, query;
    if (!str_cut(t, '?', &path, &query)) {
        path = t;
        query = STR("");
    }
    p->request.path = path;
    p->request.query = query;
    return ERR_OK;
}

static enum err check_framing(struct http_parser *p)
{
    struct str coding = http_header_value(&p->request, "Transfer-Encoding");
    if (coding.p != NULL) {
        if (p->llhttp.http_minor == 0)
            return refuse(p, 400, "HTTP/1.0 has no Transfer-Encoding");
        if (!str_eq_ascii_nocase(coding, STR("chunked")))
            return refuse(p, 501, "the only transfer coding taken is \"chunked\"");
        if (http_header_value(&p->request, "Content-Length").p != NULL)
            return refuse(p, 400, "Content-Length and Transfer-Encoding in one request");
    }
    struct str expect = http_header_value(&p->request, "Expect");
    if (expect.p == NULL)
        return ERR_OK;
    if (!str_eq_ascii_nocase(expect, STR("100-continue")))
        return refuse(p, 417, "the only expectation met is 100-continue");
    p->wants_continue = p->llhttp.http_minor == 1;
    return ERR_OK;
}

static enum err check_head(struct http_parser *p)
{
    p->request.headers = p->headers;
    TRY(check_method_and_version(p));
    TRY(check_single_headers(p));
    p->request.host = http_header_value(&p->request, "Host");
    if (p->request.host.n == 0 && p->llhttp.http_minor == 1)
        return refuse(p, 400, "HTTP/1.1 needs a Host header");
    TRY(check_target(p));
    TRY(check_framing(p));
    p->request.keep_alive = p->llhttp.http_minor == 1 && llhttp_should_keep_alive(&p->llhttp) != 0;
    p->body_cap = p->body_limit(p->ctx, &p->request);
    if ((p->llhttp.flags & F_CONTENT_LENGTH) != 0 && p->llhttp.content_length > p->body_cap)
        return refuse(p, 413, "the body is longer than this request may have");
    return ERR_OK;
}

static int on_headers_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    l->upgrade = 0; /* an Upgrade may be ignored (RFC 9110 section 7.8), and always is */
    if (check_head(p) != ERR_OK)
        return -1;
    p->phase = PHASE_BODY;
    return 0;
}

/* --- The body ------------------------------------------------------------------------------- */

static int on_body(llhttp_t *l, const char *at, size_t n)
{
    struct http_parser *p = l->data;
    if (n > p->body_cap - buf_len(&p->body)) {
        (void)refuse(p, 413, "the body is longer than this request may have");
        return HPE_USER;
    }
    return buf_put(&p->body, at, n) == ERR_OK ? 0 : HPE_USER;
}

static int on_message_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    p->phase = PHASE_COMPLETE;
    p->request.body = buf_view(&p->body);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* Hands bytes to llhttp; ERR_OK when the request is complete. */
static enum err parse(struct http_parser *p, struct str in, size_t *ret_used)
{
    llhttp_errno_t got = llhttp_execute(&p->llhttp, in.p, in.n);
    *ret_used = in.n;
    if (p->phase == PHASE_COMPLETE) {
        const char *stopped = llhttp_get_error_pos(&p->llhttp);
        if (got != HPE_PAUSED || stopped == NULL)
            return ERR_BUG;
        *ret_used = (size_t)(stopped - in.p);
        return ERR_OK;
    }
    if (got == HPE_OK)
        return ERR_INCOMPLETE;
    if (p->phase == PHASE_REFUSED)
        return ERR_PROTOCOL;
    if (got == HPE_USER)
        return ERR_NOMEM;
    if (got == HPE_INVALID_METHOD)
        return refuse(p, 501, "the method is not known here");
    if (got == HPE_INVALID_VERSION)
        return refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return refuse(p, 400, "not a well-formed HTTP request");
}

enum err http_parser_feed(struct http_parser *p, struct str in, size_t *ret_used)
{
    *ret_used = 0;
    if (p->phase == PHASE_COMPLETE || p->phase == PHASE_REFUSED)
        return ERR_BUG;
    if (p->phase != PHASE_BODY) {
        size_t unused;
        TRY(collect_head(p, in, ret_used));
        enum err e = parse(p, buf_view(&p->head), &unused);
        if (e != ERR_INCOMPLETE)
            return e;
        if (p->phase != PHASE_BODY)
            return refuse(p, 400, "not a well-formed HTTP request");
    }
    struct str rest = {in.p + *ret_used, in.n - *ret_used};
    if (rest.n == 0)
        return ERR_INCOMPLETE;
    size_t used = 0;
    enum err e = parse(p, rest, &used);
    *ret_used += used;
    return e;
}

/* --- Life ----------------------------------------------------------------------------------- */

enum err http_parser_new(http_body_limit_fn *body_limit, void *ctx, struct http_parser **ret)
{
    struct http_parser *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NOMEM;
    p->body_limit = body_limit;
    p->ctx = ctx;
    buf_init(&p->head, LIMIT_HTTP_HEADERS);
    buf_init(&p->body, LIMIT_HTTP_BODY);
    http_parser_reset(p);
    *ret = p;
    return ERR_OK;
}

void http_parser_free(struct http_parser *p)
{
    if (p == NULL)
        return;
    buf_wipe(&p->head); /* it may hold a token */
    buf_done(&p->body);
    free(p);
}

void http_parser_reset(struct http_parser *p)
{
    buf_wipe(&p->head);
    buf_done(&p->body);
    p->phase = PHASE_IDLE;
    p->scan = SCAN_LINE_START;
    p->line_empty = true;
    p->target = (struct str){NULL, 0};
    p->request = (struct http_request){0};
    p->wants_continue = false;
    p->refusal = (struct http_refusal){0};
    llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
    p->llhttp.data = p;
}

const struct http_request *http_parser_request(const struct http_parser *p)
{
    return &p->request;
}

struct http_refusal http_parser_refusal(const struct http_parser *p)
{
    return p->refusal;
}

enum http_phase http_parser_phase(const struct http_parser *p)
{
    return p->phase;
}

bool http_parser_take_continue(struct http_parser *p)
{
    bool wanted = p->phase == PHASE_BODY && p->wants_continue;
    p->wants_continue = p->wants_continue && !wanted;
    return wanted;
}
