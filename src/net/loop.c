#include "net/loop_internal.h"
#include "base/log.h"
#include "net/stream_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct timer {
    uv_timer_t uv;
    timer_fn *fire;
    void *ctx;
};

enum err err_of_errno(int code)
{
    switch (code) {
    case 0:
        return ERR_OK;
    case ENOMEM:
    case ENOBUFS:
        return ERR_NOMEM;
    case EMFILE:
    case ENFILE:
        return ERR_LIMIT;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case EACCES:
    case EPERM:
        return ERR_FORBIDDEN;
    case EADDRINUSE:
    case EEXIST:
        return ERR_EXISTS;
    default:
        return ERR_IO;
    }
}

enum err err_of_uv(int code)
{
    return err_of_errno(-code); /* on Unix a libuv code is a negative errno */
}

/* --- Deferred calls -------------------------------------------------------------------------- */

static void do_nothing(uv_idle_t *idle)
{
    (void)idle;
}

enum err loop_defer(struct loop *l, timer_fn *fn, void *ctx)
{
    struct deferred_list *d = &l->deferred;
    if (d->n == d->size) {
        size_t size = d->size != 0 ? d->size * 2 : 16;
        struct deferred *list = reallocarray(d->list, size, sizeof(*list));
        if (list == NULL)
            return ERR_NOMEM;
        d->list = list;
        d->size = size;
    }
    d->list[d->n++] = (struct deferred){fn, ctx};
    (void)uv_idle_start(&l->no_wait, do_nothing); /* fails only without a callback */
    return ERR_OK;
}

static void forget(struct deferred_list *d, const void *ctx)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->list[i].ctx == ctx)
            d->list[i].fn = NULL;
}

void loop_undefer(struct loop *l, const void *ctx)
{
    forget(&l->deferred, ctx);
    forget(&l->running, ctx);
}

static void run_deferred(uv_prepare_t *prepare)
{
    struct loop *l = prepare->data;
    struct deferred_list now = l->deferred;
    if (now.n == 0)
        return;
    l->deferred = l->running;
    l->running = now;
    (void)uv_idle_stop(&l->no_wait);
    for (size_t i = 0; i < l->running.n; i++) {
        struct deferred call = l->running.list[i];
        if (call.fn != NULL)
            call.fn(call.ctx);
    }
    l->running.n = 0;
}

/* --- The loop -------------------------------------------------------------------------------- */

enum err loop_new(struct loop **ret)
{
    struct loop *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    l->received = malloc(STREAM_READ_SIZE);
    int e = l->received != NULL ? uv_loop_init(&l->uv) : UV_ENOMEM;
    if (e != 0) {
        free(l->received);
        free(l);
        return err_of_uv(e);
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of a write, not a signal */
    (void)uv_prepare_init(&l->uv, &l->before_wait); /* these four cannot fail */
    (void)uv_idle_init(&l->uv, &l->no_wait);
    l->before_wait.data = l;
    (void)uv_prepare_start(&l->before_wait, run_deferred);
    *ret = l;
    return ERR_OK;
}

static void still_open(uv_handle_t *h, void *ctx)
{
    bool *any = ctx;
    if (uv_is_closing(h))
        return;
    *any = true;
    log_error("a %s was left on the event loop", uv_handle_type_name(h->type));
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    while (l->lingering != NULL)
        stream_free(l->lingering);
    for (size_t i = 0; i < l->n_signals; i++)
        uv_close((uv_handle_t *)&l->signals[i].uv, NULL);
    uv_close((uv_handle_t *)&l->before_wait, NULL);
    uv_close((uv_handle_t *)&l->no_wait, NULL);
    bool left = false;
    uv_walk(&l->uv, still_open, &left);
    if (left)
        abort(); /* freeing it under its owner would be worse */
    (void)uv_run(&l->uv, UV_RUN_DEFAULT); /* the close callbacks, and name look-ups under way */
    (void)uv_loop_close(&l->uv);
    free(l->deferred.list);
    free(l->running.list);
    free(l->received);
    free(l->decrypted);
    free(l);
}

void loop_run(struct loop *l)
{
    l->stopping = false;
    while (!l->stopping)
        (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_turn(struct loop *l)
{
    (void)uv_run(&l->uv, UV_RUN_NOWAIT);
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
    uv_stop(&l->uv);
}

int64_t loop_now_ms(const struct loop *l)
{
    return (int64_t)uv_now(&l->uv);
}

/* --- Timers ---------------------------------------------------------------------------------- */

enum err timer_new(struct loop *l, timer_fn *fire, void *ctx, struct timer **ret)
{
    struct timer *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ERR_NOMEM;
    (void)uv_timer_init(&l->uv, &t->uv); /* cannot fail */
    t->uv.data = t;
    t->fire = fire;
    t->ctx = ctx;
    *ret = t;
    return ERR_OK;
}

static void timer_fired(uv_timer_t *uv)
{
    struct timer *t = uv->data;
    t->fire(t->ctx);
}

void timer_start(struct timer *t, int64_t after_ms, int64_t repeat_ms)
{
    uint64_t after = after_ms > 0 ? (uint64_t)after_ms : 0;
    uint64_t repeat = repeat_ms > 0 ? (uint64_t)repeat_ms : 0;
    (void)uv_timer_start(&t->uv, timer_fired, after, repeat); /* fails only while closing */
}

void timer_stop(struct timer *t)
{
    (void)uv_timer_stop(&t->uv);
}

static void timer_closed(uv_handle_t *h)
{
    free(h->data);
}

void timer_free(struct timer *t)
{
    if (t != NULL)
        uv_close((uv_handle_t *)&t->uv, timer_closed);
}

/* --- Signals --------------------------------------------------------------------------------- */

static void signal_came(uv_signal_t *uv, int signum)
{
    struct signal_watch *w = uv->data;
    w->fn(w->ctx, signum);
}

enum err loop_on_signal(struct loop *l, int signum, signal_fn *fn, void *ctx)
{
    for (size_t i = 0; i < l->n_signals; i++)
        if (l->signals[i].uv.signum == signum)
            return ERR_EXISTS;
    if (l->n_signals == LOOP_SIGNALS)
        return ERR_LIMIT;
    struct signal_watch *w = &l->signals[l->n_signals];
    w->fn = fn;
    w->ctx = ctx;
    int e = uv_signal_init(&l->uv, &w->uv);
    if (e != 0)
        return err_of_uv(e);
    l->n_signals++;
    w->uv.data = w;
    e = uv_signal_start(&w->uv, signal_came, signum);
    return e == 0 ? ERR_OK : err_of_uv(e);
}
