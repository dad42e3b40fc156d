/*
 * The link, as the worker holds it.
 *
 *   DOWN --gate_attach: HELLO, kept results, kept records--> START --CONFIG--> READY
 *   START, READY --end of stream, failed write--> DOWN   (LINK_LOST to every hold)
 *   START, READY --protocol error--> DOWN                (LINK_BROKEN to every hold)
 *
 * READY is not left when a new stream replaces an old one: a configuration stays in force.
 *
 * While the link is down new holds are refused, outcomes are kept (LIMIT_KEPT_RESULTS) and so are
 * records (LIMIT_LINK_KEPT); what must be recorded and cannot be kept does not run.
 */
#include "gate/gate_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

/* Records and session notes wait this long for company: one write for many. */
enum { RECORD_DELAY_MS = 20, RECORD_BATCH = 64 * 1024 };

bool uplink_is_up(const struct gate *g)
{
    return g->up.stream != NULL && !g->up.failed;
}

/* --- Down ------------------------------------------------------------------------------------ */

static void note_lost(struct gate *g)
{
    if (uplink_is_up(g))
        g->up.lost_ms = loop_now_ms(g->loop);
}

static void drop_stream(struct gate *g)
{
    note_lost(g);
    stream_free(g->up.stream);
    g->up.stream = NULL;
    g->up.failed = false;
    buf_done(&g->up.in);
}

static void link_broken(struct gate *g, const char *what)
{
    log_error("the broker broke the protocol of the link: %s; everything that waits is refused",
              what);
    drop_stream(g);
    hold_happens_to_all(g, HOLD_ON_LINK_BROKEN);
    logins_lost(g);
    g->options.host->shut_down(g->options.ctx); /* a new process gets a new link */
}

static void link_ended(void *ctx, enum err why, struct str text)
{
    struct gate *g = ctx;
    log_warn("the link to the broker ended (%s: %.*s); %zu held actions wait for its return",
             err_text(why), STR_FMT(text), g->waiting.n);
    drop_stream(g);
    hold_happens_to_all(g, HOLD_ON_LINK_LOST);
    logins_lost(g);
}

/* --- Sending --------------------------------------------------------------------------------- */

static enum err flush(struct gate *g)
{
    struct uplink *up = &g->up;
    if (up->flushing)
        timer_stop(up->flush);
    up->flushing = false;
    if (!uplink_is_up(g))
        return ERR_CLOSED;
    if (buf_len(&up->out) == 0)
        return ERR_OK;
    enum err e = stream_write(up->stream, buf_view(&up->out));
    if (up->out.size > 4 * RECORD_BATCH)
        buf_done(&up->out);
    else
        buf_clear(&up->out); /* the memory stays: the next batch needs it in 20 ms */
    if (e == ERR_OK)
        return ERR_OK;
    note_lost(g);
    up->failed = true; /* link_ended comes from the loop */
    return ERR_CLOSED;
}

static void flush_due(void *ctx)
{
    struct gate *g = ctx;
    g->up.flushing = false;
    (void)!flush(g); /* without a link it stays, and goes with the next one */
}

enum err uplink_send(struct gate *g, const struct link_message *m)
{
    if (!uplink_is_up(g))
        return ERR_CLOSED;
    if (stream_unsent(g->up.stream) + buf_len(&g->up.out) > LIMIT_LINK_BACKLOG)
        return ERR_LIMIT;
    TRY(link_encode(&g->up.out, m));
    return flush(g);
}

enum err uplink_send_frame(struct gate *g, struct str frame)
{
    if (!uplink_is_up(g))
        return ERR_CLOSED;
    if (stream_unsent(g->up.stream) + buf_len(&g->up.out) > LIMIT_LINK_BACKLOG)
        return ERR_LIMIT;
    TRY(buf_put_str(&g->up.out, frame));
    return flush(g);
}

enum err uplink_send_soon(struct gate *g, const struct link_message *m)
{
    struct uplink *up = &g->up;
    bool is_up = uplink_is_up(g);
    size_t waiting = buf_len(&up->out) + (is_up ? stream_unsent(up->stream) : 0);
    if (waiting > (is_up ? LIMIT_LINK_BACKLOG : LIMIT_LINK_KEPT))
        return ERR_LIMIT;
    TRY(link_encode(&up->out, m));
    if (!is_up)
        return ERR_OK;
    if (buf_len(&up->out) >= RECORD_BATCH)
        return flush(g);
    if (!up->flushing)
        timer_start(up->flush, RECORD_DELAY_MS, 0);
    up->flushing = true;
    return ERR_OK;
}

static void keep_result(struct gate *g, const struct link_message *m)
{
    struct uplink *up = &g->up;
    struct buf b;
    buf_init(&b, LIMIT_LINK_MESSAGE);
    struct kept_result *k = link_encode(&b, m) == ERR_OK ? malloc(sizeof(*k) + buf_len(&b)) : NULL;
    if (k == NULL) {
        log_error("request %llu: its outcome could not be kept", (unsigned long long)m->result.request);
        buf_done(&b);
        return;
    }
    k->next = NULL;
    k->request = m->result.request;
    k->n = buf_len(&b);
    memcpy(k->frame, buf_view(&b).p, k->n);
    buf_done(&b);
    *up->kept_end = k;
    up->kept_end = &k->next;
    if (++up->n_kept <= LIMIT_KEPT_RESULTS)
        return;
    struct kept_result *oldest = up->kept;
    log_error("request %llu: its outcome is dropped, too many wait for the broker",
              (unsigned long long)oldest->request);
    up->kept = oldest->next;
    up->n_kept--;
    free(oldest);
}

void uplink_result(struct gate *g, const struct link_result *r)
{
    const struct link_message m = {.type = LINK_RESULT, .result = *r};
    if (uplink_send(g, &m) != ERR_OK)
        keep_result(g, &m);
}

/* --- Receiving ------------------------------------------------------------------------------- */

typedef enum err link_handler(struct gate *g, const struct link_message *m);

static enum err to_hold(struct gate *g, enum hold_event_kind kind, uint64_t number,
                        uint64_t request, const struct link_message *m)
{
    const struct hold_event e = {.kind = kind, .message = m};
    struct hold *h = hold_table_find(&g->table, number);
    if (h != NULL)
        return hold_happens(g, h, &e);
    if (number == 0 || number > g->last_number)
        return ERR_PROTOCOL;
    /* It was withdrawn or refused here while this was on its way. */
    if (kind != HOLD_ON_CLAIMED)
        return ERR_OK;
    const struct link_result r = {.request = request,
                                  .outcome = OUTCOME_FAILED,
                                  .rows = -1,
                                  .error_message = STR("not run: it was over before the claim was answered")};
    uplink_result(g, &r);
    return ERR_OK;
}

static enum err on_submitted(struct gate *g, const struct link_message *m)
{
    return to_hold(g, HOLD_ON_SUBMITTED, m->submitted.hold, m->submitted.request, m);
}

static enum err on_approved(struct gate *g, const struct link_message *m)
{
    return to_hold(g, HOLD_ON_APPROVED, m->approved.hold, m->approved.request, m);
}

static enum err on_claimed(struct gate *g, const struct link_message *m)
{
    return to_hold(g, HOLD_ON_CLAIMED, m->claimed.hold, m->claimed.request, m);
}

static enum err on_ended(struct gate *g, const struct link_message *m)
{
    return to_hold(g, HOLD_ON_ENDED, m->ended.hold, m->ended.request, m);
}

static enum err on_config(struct gate *g, const struct link_message *m)
{
    gate_configure(g, &m->config);
    return ERR_OK;
}

static enum err on_peer(struct gate *g, const struct link_message *m)
{
    g->options.host->peer_bytes(g->options.ctx, m->peer.source, m->peer.bytes);
    return ERR_OK;
}

static enum err on_log(struct gate *g, const struct link_message *m)
{
    g->up.log_broken = !m->log.works;
    return ERR_OK;
}

static enum err on_shutdown(struct gate *g, const struct link_message *m)
{
    (void)m;
    g->options.host->shut_down(g->options.ctx);
    return ERR_OK;
}

enum { START, READY };

static link_handler *const handlers[][LINK_TYPE_COUNT_] = {
    [START] = {
        [LINK_CONFIG] = on_config,
        [LINK_SHUTDOWN] = on_shutdown,
    },
    [READY] = {
        [LINK_CONFIG] = on_config,
        [LINK_SUBMITTED] = on_submitted,
        [LINK_APPROVED] = on_approved,
        [LINK_CLAIMED] = on_claimed,
        [LINK_ENDED] = on_ended,
        [LINK_PEER] = on_peer,
        [LINK_LOG] = on_log,
        [LINK_LOGIN_ANSWER] = logins_answer,
        [LINK_SHUTDOWN] = on_shutdown,
    },
};

static enum err handle(struct gate *g, const struct link_message *m)
{
    link_handler *handler = handlers[g->config != NULL ? READY : START][m->type];
    return handler != NULL ? handler(g, m) : ERR_PROTOCOL;
}

/* One frame; false where there is none, or no link any more. */
static bool take_frame(struct gate *g, struct arena *lists)
{
    struct link_message m;
    size_t used;
    struct stream *stream = g->up.stream;
    arena_reset(lists);
    enum err e = link_decode(buf_view(&g->up.in), LINK_WORKER, lists, &m, &used);
    if (e == ERR_INCOMPLETE)
        return false;
    if (e != ERR_OK) {
        link_broken(g, err_text(e));
        return false;
    }
    e = handle(g, &m);
    if (g->up.stream != stream)
        return false; /* it was replaced or lost; its bytes went with it */
    if (e != ERR_OK) {
        link_broken(g, link_type_text(m.type));
        return false;
    }
    buf_consume(&g->up.in, used);
    return true;
}

static void link_received(void *ctx, struct str bytes)
{
    struct gate *g = ctx;
    struct arena lists;
    enum err e = buf_put_str(&g->up.in, bytes);
    if (e != ERR_OK) {
        link_broken(g, err_text(e));
        return;
    }
    arena_init(&lists, LIMIT_LINK_MESSAGE);
    while (take_frame(g, &lists))
        ;
    arena_done(&lists);
}

/* --- Up -------------------------------------------------------------------------------------- */

static const struct stream_ops link_ops = {.received = link_received, .ended = link_ended};

static enum err say_hello(struct gate *g)
{
    struct arena a;
    size_t n_runs = g->released.n + g->up.n_kept, i = 0, k = 0;
    arena_init(&a, LIMIT_CONFIG_ARENA);
    struct link_open_hold *holds = arena_new_array(&a, g->waiting.n, struct link_open_hold);
    uint64_t *runs = arena_new_array(&a, n_runs, uint64_t);
    if (holds == NULL || runs == NULL) {
        arena_done(&a);
        return ERR_NOMEM;
    }
    for (const struct hold *h = g->waiting.head; h != NULL; h = h->next)
        holds[i++] = (struct link_open_hold){h->number, h->request, h->digest};
    for (const struct hold *h = g->released.head; h != NULL; h = h->next)
        runs[k++] = h->request;
    for (const struct kept_result *r = g->up.kept; r != NULL; r = r->next)
        runs[k++] = r->request;
    assert(i == g->waiting.n && k == n_runs);
    const struct link_message m = {
        .type = LINK_HELLO,
        .hello = {.worker = g->options.worker, .pid = (uint32_t)getpid(), .holds = holds,
                  .n_holds = i, .runs = runs, .n_runs = k},
    };
    struct buf b;
    buf_init(&b, LIMIT_LINK_MESSAGE + KIB);
    enum err e = link_encode(&b, &m);
    if (e == ERR_OK)
        e = stream_write(g->up.stream, buf_view(&b));
    buf_done(&b);
    arena_done(&a);
    return e;
}

static enum err send_kept_results(struct gate *g)
{
    struct uplink *up = &g->up;
    while (up->kept != NULL) {
        struct kept_result *k = up->kept;
        TRY(stream_write(up->stream, str_from(k->frame, k->n)));
        up->kept = k->next;
        if (up->kept == NULL)
            up->kept_end = &up->kept;
        up->n_kept--;
        free(k);
    }
    return ERR_OK;
}

/* Each hold that was sent and never answered is told so by the broker: the answer is due from now. */
static void renew_deadlines(struct gate *g)
{
    int64_t due = loop_now_ms(g->loop) + g->options.link_answer_ms;
    for (struct hold *h = g->waiting.head; h != NULL; h = h->next)
        if (h->state == HOLD_SENT)
            h->due_ms = due;
}

enum err gate_attach(struct gate *g, int fd)
{
    if (g->up.stream != NULL) {
        drop_stream(g);
        hold_happens_to_all(g, HOLD_ON_LINK_LOST);
        logins_lost(g);
    }
    TRY(stream_adopt(g->loop, fd, &link_ops, g, &g->up.stream));
    stream_set_write_cap(g->up.stream, LIMIT_LINK_BACKLOG + 4 * LIMIT_LINK_MESSAGE);
    renew_deadlines(g);
    g->up.log_broken = false; /* a broker that cannot write its log says so */
    enum err e = say_hello(g);
    if (e == ERR_OK)
        e = send_kept_results(g);
    if (e == ERR_OK)
        e = flush(g);
    if (e != ERR_OK && g->up.stream != NULL && !g->up.failed) {
        note_lost(g);
        g->up.failed = true;
    }
    return e;
}

enum err uplink_init(struct gate *g)
{
    struct uplink *up = &g->up;
    buf_init(&up->in, LIMIT_LINK_MESSAGE + STREAM_READ_SIZE);
    buf_init(&up->out, LIMIT_LINK_KEPT + 2 * LIMIT_LINK_MESSAGE);
    up->kept_end = &up->kept;
    up->lost_ms = loop_now_ms(g->loop);
    return timer_new(g->loop, flush_due, g, &up->flush);
}

void uplink_done(struct gate *g)
{
    struct uplink *up = &g->up;
    (void)!flush(g); /* the last records; without a link they are lost with us */
    stream_close(up->stream, 1000);
    up->stream = NULL;
    timer_free(up->flush);
    buf_done(&up->in);
    buf_done(&up->out);
    while (up->kept != NULL) {
        struct kept_result *k = up->kept;
        up->kept = k->next;
        free(k);
    }
}
