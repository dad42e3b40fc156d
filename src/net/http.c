#include "net/http.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "net/listener.h"

enum { MAX_LISTENERS = 32 };

enum call_state { CALL_READING = 1, CALL_STREAMING, CALL_GONE };

struct http_stream {
    void (*closed)(void *ctx);
    void *ctx;
    int64_t next_beat_ms;
    bool failed; /* or ended by its owner: the sweep closes it */
};

struct http_call {
    struct http_server *server;
    struct http_call *next, *prev;
    struct stream *stream; /* NULL once gone */
    struct http_parser *parser;
    enum call_state state;
    enum http_phase timed_phase; /* the phase that deadline_ms belongs to */
    int64_t deadline_ms;
    struct buf backlog;

    bool answered;
    bool head_only; /* the answer goes without its body */
    bool last;      /* no request follows the present one */

    size_t unsent_seen; /* at the sweep that last saw progress */
    int64_t stalled_at_ms;

    struct http_stream events;
    unsigned busy; /* callbacks of ours on the stack */
};

struct http_server {
    struct loop *loop;
    const struct http_ops *ops;
    void *ctx;
    struct http_limits limits;
    struct listener *listeners[MAX_LISTENERS];
    size_t n_listeners;
    struct http_call *calls;
    size_t n_calls, n_streams;
    struct timer *sweep;
    struct buf out; /* one answer, while it is put together */
};

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *status_text(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "";
}

struct http_limits http_limits_default(void)
{
    return (struct http_limits){
        .connections = LIMIT_HTTP_CONNECTIONS,
        .streams = LIMIT_EVENT_STREAMS,
        .idle_ms = LIMIT_HTTP_IDLE_MS,
        .head_ms = LIMIT_HTTP_HEAD_MS,
        .body_ms = LIMIT_HTTP_BODY_MS,
        .stall_ms = LIMIT_HTTP_STALL_MS,
        .linger_ms = LIMIT_HTTP_LINGER_MS,
        .heartbeat_ms = HTTP_HEARTBEAT_MS,
        .sweep_ms = 500,
    };
}

/* --- The end of a connection ---------------------------------------------------------------- */

static void call_free(struct http_call *c)
{
    http_parser_free(c->parser);
    buf_wipe(&c->backlog);
    free(c);
}

static void enter(struct http_call *c)
{
    c->busy++;
}

static void leave(struct http_call *c)
{
    c->busy--;
    if (c->busy == 0 && c->state == CALL_GONE)
        call_free(c);
}

/* Takes the connection off the list. flush: what is unsent still goes out, and the client may take
 * its time to read it. */
static void call_end(struct http_call *c, bool flush)
{
    struct http_server *s = c->server;
    enum call_state was = c->state;
    if (was == CALL_GONE)
        return;
    enter(c);
    c->state = CALL_GONE;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->calls = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    s->n_calls--;
    if (flush)
        stream_close(c->stream,
                     stream_unsent(c->stream) != 0 ? s->limits.stall_ms : s->limits.linger_ms);
    else
        stream_free(c->stream);
    c->stream = NULL;
    if (was == CALL_STREAMING) {
        s->n_streams--;
        c->events.closed(c->events.ctx);
    }
    leave(c);
}

/* --- Answering ------------------------------------------------------------------------------ */

static enum err put_head(struct buf *out, const struct http_call *c, int status, struct str type,
                         struct str extra)
{
    char date[64];
    time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    TRY(buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, status_text(status), date));
    if (type.n != 0)
        TRY(buf_printf(out, "Content-Type: %.*s\r\n", STR_FMT(type)));
    TRY(buf_put_str(out, STR("X-Content-Type-Options: nosniff\r\n"
                             "Referrer-Policy: no-referrer\r\n")));
    TRY(buf_put_str(out, extra));
    return buf_printf(out, "Connection: %s\r\n", c->last ? "close" : "keep-alive");
}

static enum err put_response(struct buf *out, const struct http_call *c,
                             const struct http_response *r)
{
    TRY(put_head(out, c, r->status, r->type, r->extra));
    if (r->status != 204 && r->status != 304)
        TRY(buf_printf(out, "Content-Length: %zu\r\n", r->body.n));
    TRY(buf_put(out, "\r\n", 2));
    return c->head_only ? ERR_OK : buf_put_str(out, r->body);
}

void http_respond(struct http_call *c, const struct http_response *r)
{
    assert(!c->answered);
    c->answered = true;
    if (c->state == CALL_GONE)
        return;
    struct buf *out = &c->server->out;
    enum err e = put_response(out, c, r);
    if (e == ERR_OK)
        e = stream_write(c->stream, buf_view(out));
    buf_wipe(out);
    if (e != ERR_OK)
        call_end(c, false);
}

static void refuse(struct http_call *c, struct http_refusal why)
{
    c->last = true;
    c->answered = false;
    c->head_only = false;
    c->server->ops->refused(c->server->ctx, c, why);
    call_end(c, true);
}

enum err http_stream_open(struct http_call *c, struct str type, void (*closed)(void *ctx),
                          void *ctx, struct http_stream **ret)
{
    struct http_server *s = c->server;
    assert(!c->answered);
    if (s->n_streams >= s->limits.streams)
        return ERR_LIMIT;
    c->last = true;
    enum err e = put_head(&s->out, c, 200, type, STR("Cache-Control: no-store\r\n"));
    if (e == ERR_OK)
        e = buf_put(&s->out, "\r\n", 2);
    if (e == ERR_OK)
        e = stream_write(c->stream, buf_view(&s->out));
    buf_clear(&s->out);
    TRY(e);
    c->answered = true;
    c->state = CALL_STREAMING;
    s->n_streams++;
    c->events = (struct http_stream){
        .closed = closed,
        .ctx = ctx,
        .next_beat_ms = loop_now_ms(s->loop) + s->limits.heartbeat_ms,
    };
    *ret = &c->events;
    return ERR_OK;
}

static struct http_call *call_of(struct http_stream *s)
{
    return (struct http_call *)(void *)((char *)s - offsetof(struct http_call, events));
}

void http_stream_send(struct http_stream *s, struct str bytes)
{
    struct http_call *c = call_of(s);
    if (c->state != CALL_STREAMING || s->failed)
        return;
    if (stream_unsent(c->stream) + bytes.n > LIMIT_EVENT_UNSENT ||
        stream_write(c->stream, bytes) != ERR_OK)
        s->failed = true;
    s->next_beat_ms = loop_now_ms(c->server->loop) + c->server->limits.heartbeat_ms;
}

void http_stream_end(struct http_stream *s)
{
    s->failed = true;
}

enum err http_peer_uid(const struct http_call *c, uint32_t *ret)
{
    return stream_peer_uid(c->stream, ret);
}

struct str http_peer_text(const struct http_call *c)
{
    return stream_peer_text(c->stream);
}

/* --- Reading -------------------------------------------------------------------------------- */

static void set_deadline(struct http_call *c)
{
    const struct http_limits *m = &c->server->limits;
    enum http_phase phase = http_parser_phase(c->parser);
    if (phase == c->timed_phase)
        return;
    c->timed_phase = phase;
    c->deadline_ms = loop_now_ms(c->server->loop) + (phase == PHASE_HEAD   ? m->head_ms
                                                     : phase == PHASE_BODY ? m->body_ms
                                                                           : m->idle_ms);
}

static void answer(struct http_call *c)
{
    const struct http_request *r = http_parser_request(c->parser);
    c->answered = false;
    c->head_only = r->method == METHOD_HEAD;
    c->last = !r->keep_alive;
    c->server->ops->request(c->server->ctx, c, r);
    if (c->state == CALL_GONE)
        return;
    if (!c->answered) {
        log_error("http: a request was left without an answer");
        call_end(c, false);
        return;
    }
    if (c->state == CALL_READING && c->last) {
        call_end(c, true);
        return;
    }
    http_parser_reset(c->parser);
    c->timed_phase = 0;
}

/* Feeds one piece to the parser and acts on what came of it; *ret_used of it is done with. */
static void read_piece(struct http_call *c, struct str in, size_t *ret_used)
{
    enum err e = http_parser_feed(c->parser, in, ret_used);
    if (e == ERR_OK)
        answer(c);
    else if (e == ERR_PROTOCOL)
        refuse(c, http_parser_refusal(c->parser));
    else if (e != ERR_INCOMPLETE)
        call_end(c, false);
    if (c->state != CALL_READING)
        return;
    set_deadline(c);
    if (http_parser_take_continue(c->parser) &&
        stream_write(c->stream, STR("HTTP/1.1 100 Continue\r\n\r\n")) != ERR_OK)
        call_end(c, false);
}

/* Reads until all is used, or an answer has filled the stream: then the rest waits. */
static void read_all(struct http_call *c, struct str in)
{
    while (in.n != 0 && c->state == CALL_READING) {
        if (stream_is_full(c->stream)) {
            stream_pause(c->stream);
            if (buf_put_str(&c->backlog, in) != ERR_OK)
                call_end(c, false);
            return;
        }
        size_t used = 0;
        read_piece(c, in, &used);
        in = str_from(in.p + used, in.n - used);
    }
}

static void on_received(void *ctx, struct str bytes)
{
    struct http_call *c = ctx;
    enter(c);
    if (c->state == CALL_STREAMING)
        call_end(c, false);
    else if (c->state == CALL_READING)
        read_all(c, bytes);
    leave(c);
}

static void on_drained(void *ctx)
{
    struct http_call *c = ctx;
    if (c->state != CALL_READING || buf_len(&c->backlog) == 0)
        return;
    enter(c);
    struct buf waiting = c->backlog;
    buf_init(&c->backlog, waiting.cap);
    stream_resume(c->stream);
    read_all(c, buf_view(&waiting));
    buf_wipe(&waiting);
    leave(c);
}

/* Also where the client only ended its half: it still reads its answer. */
static void on_ended(void *ctx, enum err why, struct str text UNUSED)
{
    call_end(ctx, why == ERR_CLOSED);
}

static const struct stream_ops stream_ops = {
    .received = on_received,
    .drained = on_drained,
    .ended = on_ended,
};

/* --- Deadlines ------------------------------------------------------------------------------ */

/* True where the client has taken nothing of what is unsent for stall_ms. */
static bool is_stalled(struct http_call *c, int64_t now)
{
    size_t unsent = stream_unsent(c->stream);
    if (unsent == 0 || unsent < c->unsent_seen || c->unsent_seen == 0) {
        c->unsent_seen = unsent;
        c->stalled_at_ms = now + c->server->limits.stall_ms;
        return false;
    }
    return now >= c->stalled_at_ms;
}

static void sweep_events(struct http_call *c, int64_t now)
{
    if (now >= c->events.next_beat_ms)
        http_stream_send(&c->events, STR(":\n\n"));
    if (c->events.failed)
        call_end(c, false);
}

static void sweep_one(struct http_call *c, int64_t now)
{
    if (is_stalled(c, now))
        call_end(c, false);
    else if (c->state == CALL_STREAMING)
        sweep_events(c, now);
    else if (now < c->deadline_ms || stream_unsent(c->stream) != 0)
        return;
    else if (c->state == CALL_READING && c->timed_phase != PHASE_IDLE)
        refuse(c, (struct http_refusal){408, "the request did not arrive in time"});
    else
        call_end(c, false);
}

static void on_sweep(void *ctx)
{
    struct http_server *s = ctx;
    int64_t now = loop_now_ms(s->loop);
    for (struct http_call *c = s->calls, *next; c != NULL; c = next) {
        enter(c);
        sweep_one(c, now);
        next = c->next;
        leave(c);
    }
}

/* --- Connections ---------------------------------------------------------------------------- */

static enum err call_new(struct http_server *s, int fd, struct http_call **ret)
{
    struct http_call *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->server = s;
    c->state = CALL_READING;
    buf_init(&c->backlog, STREAM_READ_SIZE);
    enum err e = http_parser_new(s->ops->body_limit, s->ctx, &c->parser);
    if (e == ERR_OK)
        e = stream_adopt(s->loop, fd, &stream_ops, c, &c->stream);
    if (e != ERR_OK) {
        call_free(c);
        return e;
    }
    stream_set_write_cap(c->stream, LIMIT_HTTP_UNSENT);
    c->next = s->calls;
    if (s->calls != NULL)
        s->calls->prev = c;
    s->calls = c;
    s->n_calls++;
    set_deadline(c);
    *ret = c;
    return ERR_OK;
}

static void on_accepted(void *ctx, int fd)
{
    struct http_server *s = ctx;
    struct http_call *c;
    if (call_new(s, fd, &c) != ERR_OK)
        return;
    enter(c);
    if (s->n_calls > s->limits.connections)
        refuse(c, (struct http_refusal){503, "too many connections"});
    leave(c);
}

enum err http_server_new(struct loop *l, const struct http_ops *ops, void *ctx,
                         struct http_limits limits, struct http_server **ret)
{
    struct http_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    *s = (struct http_server){.loop = l, .ops = ops, .ctx = ctx, .limits = limits};
    buf_init(&s->out, LIMIT_HTTP_UNSENT);
    enum err e = timer_new(l, on_sweep, s, &s->sweep);
    if (e != ERR_OK) {
        free(s);
        return e;
    }
    timer_start(s->sweep, limits.sweep_ms, limits.sweep_ms);
    *ret = s;
    return ERR_OK;
}

enum err http_server_listen(struct http_server *s, int fd)
{
    if (s->n_listeners == MAX_LISTENERS) {
        close(fd);
        return ERR_LIMIT;
    }
    TRY(listener_new(s->loop, fd, on_accepted, s, &s->listeners[s->n_listeners]));
    s->n_listeners++;
    return ERR_OK;
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_listeners; i++)
        listener_free(s->listeners[i]);
    while (s->calls != NULL)
        call_end(s->calls, false);
    timer_free(s->sweep);
    buf_done(&s->out);
    free(s);
}

size_t http_server_connections(const struct http_server *s)
{
    return s->n_calls;
}
