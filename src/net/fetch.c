/*
 * libcurl says which sockets it waits for and when it wants to be called again (multi_socket_action);
 * here they become polls and a timer of the loop.
 *
 * An exchange that ended is taken out of libcurl before `done` hears of it, so `done` may start and
 * cancel others.
 */
#include "net/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "net/loop_internal.h"

struct fetch {
    struct fetcher *fetcher;
    struct fetch *next, *prev;
    CURL *curl;
    struct curl_slist *headers;
    fetch_done_fn *done;
    void *ctx;
    struct buf body;
    size_t header_bytes;
    bool too_long, in_done;
    char error[CURL_ERROR_SIZE];
};

/* A socket that libcurl waits for. */
struct awaited {
    uv_poll_t uv;
    struct fetcher *fetcher;
    curl_socket_t fd;
};

struct fetcher {
    struct loop *loop;
    CURLM *multi;
    struct timer *timer;
    struct fetch *list;
    size_t n;
};

/* --- Ended exchanges ------------------------------------------------------------------------- */

static void fetch_free(struct fetch *x)
{
    struct fetcher *f = x->fetcher;
    if (x->next != NULL)
        x->next->prev = x->prev;
    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        f->list = x->next;
    f->n--;
    curl_easy_cleanup(x->curl);
    curl_slist_free_all(x->headers);
    buf_done(&x->body);
    free(x);
}

static enum err err_of_curl(const struct fetch *x, CURLcode code)
{
    if (x->too_long)
        return ERR_LIMIT;
    switch (code) {
    case CURLE_OK:
        return ERR_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_FILESIZE_EXCEEDED:
        return ERR_LIMIT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERR_FORBIDDEN;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

/* "HOST: what went wrong", without anything of path and query: they may hold secrets. */
static struct str text_of(const struct fetch *x, enum err why, CURLcode code, char *out, size_t size)
{
    const char *url = NULL;
    char *host = NULL;
    CURLU *parts = curl_url();
    (void)curl_easy_getinfo(x->curl, CURLINFO_EFFECTIVE_URL, &url);
    if (parts == NULL || url == NULL || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        host = NULL;
    const char *what = why == ERR_LIMIT       ? "the answer is longer than allowed"
                       : why == ERR_TIMEOUT   ? "no answer in time"
                       : x->error[0] != '\0' ? x->error
                                              : curl_easy_strerror(code);
    int n = snprintf(out, size, "%s: %s", host != NULL ? host : "the server", what);
    curl_free(host);
    curl_url_cleanup(parts);
    return str_from(out, n > 0 && (size_t)n < size ? (size_t)n : n > 0 ? size - 1 : 0);
}

static void fetch_ended(struct fetch *x, CURLcode code)
{
    char text[CURL_ERROR_SIZE + 300];
    long status = 0;
    enum err why = err_of_curl(x, code);
    (void)curl_multi_remove_handle(x->fetcher->multi, x->curl);
    (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
    struct fetch_result r = {.why = why, .status = (int)status, .of = x};
    if (why == ERR_OK)
        r.body = buf_view(&x->body);
    else
        r.text = text_of(x, why, code, text, sizeof(text));
    x->in_done = true;
    x->done(x->ctx, &r);
    fetch_free(x);
}

static void take_ended(struct fetcher *f)
{
    int left;
    CURLMsg *m;
    while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
        struct fetch *x = NULL;
        CURLcode code = m->data.result; /* m dies with its handle */
        if (m->msg == CURLMSG_DONE &&
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x) == CURLE_OK)
            fetch_ended(x, code);
    }
}

/* --- What libcurl waits for ------------------------------------------------------------------- */

static void on_socket(uv_poll_t *uv, int status, int events)
{
    struct awaited *a = uv->data;
    struct fetcher *f = a->fetcher; /* `a` may be gone behind the next call */
    int running, what = status < 0 ? CURL_CSELECT_ERR : 0;
    if ((events & UV_READABLE) != 0)
        what |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        what |= CURL_CSELECT_OUT;
    (void)curl_multi_socket_action(f->multi, a->fd, what, &running);
    take_ended(f);
}

static void on_timer(void *ctx)
{
    struct fetcher *f = ctx;
    int running;
    (void)curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_ended(f);
}

static int want_timer(CURLM *multi UNUSED, long after_ms, void *ctx)
{
    struct fetcher *f = ctx;
    if (after_ms < 0)
        timer_stop(f->timer);
    else
        timer_start(f->timer, after_ms, 0);
    return 0;
}

static void awaited_closed(uv_handle_t *h)
{
    free(h->data);
}

static struct awaited *awaited_new(struct fetcher *f, curl_socket_t fd)
{
    struct awaited *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    if (uv_poll_init_socket(&f->loop->uv, &a->uv, fd) != 0) {
        free(a);
        return NULL;
    }
    a->uv.data = a;
    a->fetcher = f;
    a->fd = fd;
    (void)curl_multi_assign(f->multi, fd, a);
    return a;
}

static int want_socket(CURL *curl UNUSED, curl_socket_t fd, int what, void *ctx, void *known)
{
    struct awaited *a = known;
    if (what == CURL_POLL_REMOVE) {
        if (a != NULL)
            uv_close((uv_handle_t *)&a->uv, awaited_closed);
        return 0;
    }
    if (a == NULL)
        a = awaited_new(ctx, fd);
    if (a == NULL)
        return -1;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&a->uv, events, on_socket) == 0 ? 0 : -1;
}

/* --- What an answer brings --------------------------------------------------------------------- */

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
    struct fetch *x = ctx;
    enum err e = buf_put(&x->body, p, size * n);
    x->too_long = x->too_long || e == ERR_LIMIT;
    return e == ERR_OK ? size * n : 0;
}

static size_t take_header(char *p UNUSED, size_t size, size_t n, void *ctx)
{
    struct fetch *x = ctx;
    x->header_bytes += size * n;
    x->too_long = x->too_long || x->header_bytes > LIMIT_FETCH_HEADERS;
    return x->too_long ? 0 : size * n;
}

struct str fetch_result_header(const struct fetch_result *r, const char *name)
{
    struct curl_header *h;
    if (curl_easy_header(r->of->curl, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return (struct str){NULL, 0};
    return str_of(h->value);
}

/* --- Starting --------------------------------------------------------------------------------- */

/* libcurl has written addresses in their usual form: "127.1" comes as "127.0.0.1". */
static bool is_this_machine(const char *host)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

/* `parts` holds a URL that libcurl took. */
static const char *parts_refused(CURLU *parts, bool https_only)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    const char *why = NULL;
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
        why = "a URL must begin with https:// or http://";
    else if (curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK || host[0] == '\0')
        why = "the URL names no host";
    else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK)
        why = "a URL with a user or password in it ends up in logs: it is not taken";
    else if (https_only && strcmp(scheme, "https") != 0 && !is_this_machine(host))
        why = "the URL must begin with https:// (http:// is only for this machine itself)";
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return why;
}

const char *fetch_url_refused(struct str url, bool https_only)
{
    char *z = url.n <= LIMIT_FETCH_URL ? str_dupz(url) : NULL;
    CURLU *parts = curl_url();
    const char *why = "it is no URL such as https://host/path";
    if (z != NULL && parts != NULL && curl_url_set(parts, CURLUPART_URL, z, 0) == CURLUE_OK)
        why = parts_refused(parts, https_only);
    curl_url_cleanup(parts);
    free(z);
    return why;
}

/* A line break in a header would be another header. */
static bool is_header_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

static enum err add_header(struct fetch *x, const struct fetch_header *h)
{
    struct buf line CLEANUP(buf_done) = {0};
    if (h->name.n == 0 || !is_header_text(h->name) || !is_header_text(h->value) ||
        str_contains(h->name, STR(":")))
        return ERR_INVALID;
    buf_init(&line, LIMIT_FETCH_HEADERS);
    /* "Name;" is how libcurl is told of a header without a value. */
    TRY(h->value.n != 0 ? buf_printf(&line, "%.*s: %.*s", STR_FMT(h->name), STR_FMT(h->value))
                        : buf_printf(&line, "%.*s;", STR_FMT(h->name)));
    TRY(buf_put_u8(&line, 0));
    struct curl_slist *list = curl_slist_append(x->headers, buf_view(&line).p);
    if (list == NULL)
        return ERR_NOMEM;
    x->headers = list;
    return ERR_OK;
}

static bool set_text(CURL *c, CURLoption option, struct str s)
{
    char *z = str_dupz(s);
    bool done = z != NULL && curl_easy_setopt(c, option, z) == CURLE_OK; /* libcurl copies it */
    free(z);
    return done;
}

static bool set_rules(CURL *c, const struct fetch_request *r)
{
    long redirects = r->redirects < LIMIT_FETCH_REDIRECTS ? (long)r->redirects : LIMIT_FETCH_REDIRECTS;
    int64_t timeout = r->timeout_ms > 0 ? r->timeout_ms : LIMIT_FETCH_MS;
    return curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           /* giving up must not wait for a name server that does not answer */
           curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
                            r->https_only ? "https" : "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, redirects != 0 ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_MAXREDIRS, redirects) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)LIMIT_FETCH_CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERAGENT, "countersign/" COUNTERSIGN_VERSION) == CURLE_OK &&
           set_text(c, CURLOPT_PROXY, r->proxy) && /* empty: none, whatever the environment says */
           (r->ca_file.n == 0 || set_text(c, CURLOPT_CAINFO, r->ca_file));
}

static bool set_request(struct fetch *x, const struct fetch_request *r)
{
    CURL *c = x->curl;
    bool has_body = r->body.n != 0 || str_is(r->method, "POST") || str_is(r->method, "PUT");
    return set_text(c, CURLOPT_URL, r->url) &&
           (!has_body ||
            (curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, r->body.n != 0 ? r->body.p : "") ==
                 CURLE_OK)) &&
           (r->method.n == 0 || set_text(c, CURLOPT_CUSTOMREQUEST, r->method)) &&
           (!str_is(r->method, "HEAD") || curl_easy_setopt(c, CURLOPT_NOBODY, 1L) == CURLE_OK) &&
           curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->error) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PRIVATE, x) == CURLE_OK;
}

static enum err set_up(struct fetch *x, const struct fetch_request *r, const char **ret_why)
{
    /* Without "Expect:" libcurl waits a second for a server that never heard of it. */
    x->headers = curl_slist_append(NULL, "Expect:");
    if (x->headers == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n_headers; i++) {
        enum err e = add_header(x, &r->headers[i]);
        if (e == ERR_INVALID)
            *ret_why = "a header holds a line break or another control character";
        TRY(e);
    }
    return set_rules(x->curl, r) && set_request(x, r) ? ERR_OK : ERR_NOMEM;
}

static struct fetch *fetch_new(struct fetcher *f, const struct fetch_request *r)
{
    struct fetch *x = calloc(1, sizeof(*x));
    CURL *curl = x != NULL ? curl_easy_init() : NULL;
    if (curl == NULL) {
        free(x);
        return NULL;
    }
    x->fetcher = f;
    x->curl = curl;
    buf_init(&x->body, r->max_body != 0 ? r->max_body : LIMIT_FETCH_BODY);
    x->next = f->list;
    if (f->list != NULL)
        f->list->prev = x;
    f->list = x;
    f->n++;
    return x;
}

enum err fetch_start(struct fetcher *f, const struct fetch_request *r, fetch_done_fn *done, void *ctx,
                     struct fetch **ret, const char **ret_why)
{
    const char *why = fetch_url_refused(r->url, r->https_only);
    if (why == NULL && (!is_header_text(r->method) || str_contains(r->method, STR(" "))))
        why = "the method is no word";
    if (why != NULL) {
        *ret_why = why;
        return ERR_INVALID;
    }
    if (f->n >= LIMIT_FETCHES)
        return ERR_LIMIT;
    struct fetch *x = fetch_new(f, r);
    if (x == NULL)
        return ERR_NOMEM;
    x->done = done;
    x->ctx = ctx;
    enum err e = set_up(x, r, ret_why);
    if (e == ERR_OK && curl_multi_add_handle(f->multi, x->curl) != CURLM_OK)
        e = ERR_NOMEM;
    if (e != ERR_OK) {
        fetch_free(x);
        return e;
    }
    if (ret != NULL)
        *ret = x;
    return ERR_OK;
}

void fetch_cancel(struct fetch *x)
{
    if (x == NULL || x->in_done)
        return;
    (void)curl_multi_remove_handle(x->fetcher->multi, x->curl);
    fetch_free(x);
}

/* --- Life ------------------------------------------------------------------------------------- */

enum err fetcher_new(struct loop *l, struct fetcher **ret)
{
    struct fetcher *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return ERR_NOMEM;
    f->loop = l;
    bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    f->multi = ready ? curl_multi_init() : NULL;
    if (f->multi == NULL || timer_new(l, on_timer, f, &f->timer) != ERR_OK ||
        curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, want_socket) != CURLM_OK ||
        curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f) != CURLM_OK ||
        curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, want_timer) != CURLM_OK ||
        curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f) != CURLM_OK ||
        curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)LIMIT_FETCH_CONNECTIONS) !=
            CURLM_OK) {
        fetcher_free(f);
        return ERR_NOMEM;
    }
    *ret = f;
    return ERR_OK;
}

void fetcher_free(struct fetcher *f)
{
    if (f == NULL)
        return;
    while (f->list != NULL)
        fetch_cancel(f->list);
    if (f->multi != NULL)
        (void)curl_multi_cleanup(f->multi);
    timer_free(f->timer);
    free(f);
}
