/*
 * GET /v1/events: server-sent events (WHATWG HTML, "Server-sent events").
 *
 * An event says that something happened to a request, not what: whoever wants to know asks for the
 * request. Ids are "BOOT-N": a client that comes back with Last-Event-ID gets what it missed, as
 * long as the ring still has it and the broker is the same one; otherwise `reset`, which means: ask
 * for the list again. Everybody hears only of requests that they may see (may_see).
 */
#include "api/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

enum { FRAME = 256, SWEEP_MS = 60000, RETRY_MS = 2000 };

struct entry {
    enum broker_event_kind kind;
    uint64_t request;
    enum request_state state;
};

struct listener_stream {
    struct events *events;
    struct http_stream *http;
    struct listener_stream *next, *prev;
    int64_t opened_ms;
    unsigned scopes; /* of who listens, until the stream ends with the next change of people */
    char person[LIMIT_NAME_BYTES + 1];
};

struct events {
    struct api *api;
    struct broker_subscription *subscription;
    struct timer *sweep;
    struct listener_stream *streams;
    size_t n_streams;
    uint64_t boot;
    uint64_t next; /* the number of the next event, from 1 */
    struct entry ring[LIMIT_EVENT_RING];
};

static const char *kind_text(enum broker_event_kind k)
{
    static const char *const names[] = {
        [BROKER_REQUEST_OPENED] = "opened",
        [BROKER_REQUEST_VOTED] = "voted",
        [BROKER_REQUEST_CHANGED] = "changed",
        [BROKER_REQUEST_ASKED] = "asked",
        [BROKER_REQUEST_IMPACT] = "impact",
        [BROKER_GLASS_BROKEN] = "break_glass",
    };
    return names[k];
}

/* The request of an event, looked up once for all streams. */
struct looked_up {
    struct arena arena;
    const struct request *r; /* NULL: not yet, or it cannot be read */
    bool done;
};

static bool hears_of(const struct events *e, const struct listener_stream *s, uint64_t request,
                     struct looked_up *l)
{
    if ((s->scopes & SCOPE_AUDIT) != 0)
        return true;
    if (!l->done) {
        struct broker_filter f = {.before = request + 1, .limit = 1};
        size_t n = 0;
        const struct request *list;
        arena_init(&l->arena, LIMIT_API_ARENA);
        if (broker_list(e->api->broker, &f, &l->arena, &list, &n) == ERR_OK && n == 1 &&
            list[0].id == request)
            l->r = &list[0];
        l->done = true;
    }
    return l->r != NULL && may_see(e->api, s->scopes, str_of(s->person), l->r);
}

static void looked_up_done(struct looked_up *l)
{
    if (l->done)
        arena_done(&l->arena);
}

static struct str frame(char out[static FRAME], const struct events *e, uint64_t n)
{
    const struct entry *x = &e->ring[n % LIMIT_EVENT_RING];
    int len = snprintf(out, FRAME,
                       "id: %016" PRIx64 "-%" PRIu64 "\nevent: %s\n"
                       "data: {\"request\":%" PRIu64 ",\"state\":\"%s\"}\n\n",
                       e->boot, n, kind_text(x->kind), x->request, request_state_text(x->state));
    return str_from(out, (size_t)len);
}

static void on_event(void *ctx, const struct broker_event *b)
{
    struct events *e = ctx;
    char text[FRAME];
    e->ring[e->next % LIMIT_EVENT_RING] = (struct entry){b->kind, b->request, b->state};
    struct str f = frame(text, e, e->next++);
    struct looked_up l CLEANUP(looked_up_done) = {.done = false};
    for (struct listener_stream *s = e->streams; s != NULL; s = s->next)
        if (hears_of(e, s, b->request, &l))
            http_stream_send(s->http, f);
}

/* --- Streams -------------------------------------------------------------------------------- */

static void on_closed(void *ctx)
{
    struct listener_stream *s = ctx;
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        s->events->streams = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    s->events->n_streams--;
    free(s);
}

/* The number behind "BOOT-", where the ring can go on from it; else 0. */
static uint64_t resume_from(const struct events *e, struct str id)
{
    char boot[17];
    struct str head, number;
    uint64_t n;
    snprintf(boot, sizeof(boot), "%016" PRIx64, e->boot);
    if (!str_cut(id, '-', &head, &number) || !str_is(head, boot) ||
        str_to_u64(number, &n) != ERR_OK || n >= e->next || e->next - n > LIMIT_EVENT_RING)
        return 0;
    return n + 1;
}

/* First words on a stream: where it stands, or what the client missed. */
static void greet(const struct events *e, const struct listener_stream *to, struct str last_id)
{
    struct http_stream *s = to->http;
    char text[FRAME];
    uint64_t from = last_id.n != 0 ? resume_from(e, last_id) : 0;
    int n = snprintf(text, sizeof(text), "retry: %d\n\n", RETRY_MS);
    http_stream_send(s, str_from(text, (size_t)n));
    if (from == 0) {
        n = snprintf(text, sizeof(text), "id: %016" PRIx64 "-%" PRIu64 "\nevent: %s\ndata: {}\n\n",
                     e->boot, e->next - 1, last_id.n != 0 ? "reset" : "ready");
        http_stream_send(s, str_from(text, (size_t)n));
        return;
    }
    for (; from < e->next; from++) {
        struct looked_up l CLEANUP(looked_up_done) = {.done = false};
        if (hears_of(e, to, e->ring[from % LIMIT_EVENT_RING].request, &l))
            http_stream_send(s, frame(text, e, from));
    }
}

void api_events(struct api_call *c)
{
    struct events *e = c->api->events;
    if (c->request->method == METHOD_HEAD) {
        reply_bytes(c, 200, STR("text/event-stream"), STR(""));
        return;
    }
    struct listener_stream *s = calloc(1, sizeof(*s));
    if (s == NULL ||
        http_stream_open(c->http, STR("text/event-stream"), on_closed, s, &s->http) != ERR_OK) {
        free(s);
        reply_error(c, 503, "too_many_streams", "too many event streams are open", NULL);
        return;
    }
    s->events = e;
    s->scopes = c->caller.scopes;
    snprintf(s->person, sizeof(s->person), "%.*s", STR_FMT(c->caller.is.person));
    s->opened_ms = loop_now_ms(c->api->loop);
    s->next = e->streams;
    if (e->streams != NULL)
        e->streams->prev = s;
    e->streams = s;
    e->n_streams++;
    greet(e, s, http_header_value(c->request, "Last-Event-ID"));
}

void events_end_all(struct events *e)
{
    for (struct listener_stream *s = e->streams; s != NULL; s = s->next)
        http_stream_end(s->http);
}

static void on_sweep(void *ctx)
{
    struct events *e = ctx;
    int64_t now = loop_now_ms(e->api->loop);
    for (struct listener_stream *s = e->streams; s != NULL; s = s->next)
        if (now - s->opened_ms >= LIMIT_EVENT_STREAM_MS)
            http_stream_end(s->http);
}

size_t events_streams(const struct events *e)
{
    return e->n_streams;
}

/* --- Life ----------------------------------------------------------------------------------- */

enum err events_new(struct api *a, struct events **ret)
{
    struct events *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return ERR_NOMEM;
    e->api = a;
    e->next = 1;
    enum err err = random_bytes(&e->boot, sizeof(e->boot));
    if (err == ERR_OK)
        err = timer_new(a->loop, on_sweep, e, &e->sweep);
    if (err == ERR_OK)
        err = broker_subscribe(a->broker, on_event, e, &e->subscription);
    if (err != ERR_OK) {
        events_free(e);
        return err;
    }
    timer_start(e->sweep, SWEEP_MS, SWEEP_MS);
    *ret = e;
    return ERR_OK;
}

void events_free(struct events *e)
{
    if (e == NULL)
        return;
    broker_unsubscribe(e->api->broker, e->subscription);
    timer_free(e->sweep);
    free(e);
}
