#include "net/loop_internal.h"

#include <stdlib.h>

struct watch {
    uv_poll_t uv;
    timer_fn *readable;
    void *ctx;
};

static void watch_fired(uv_poll_t *uv, int status, int events)
{
    struct watch *w = uv->data;
    (void)status; /* an error shows when the owner reads */
    (void)events;
    w->readable(w->ctx);
}

static void watch_closed(uv_handle_t *h)
{
    free(h->data);
}

void watch_free(struct watch *w)
{
    if (w != NULL)
        uv_close((uv_handle_t *)&w->uv, watch_closed);
}

enum err watch_new(struct loop *l, int fd, timer_fn *readable, void *ctx, struct watch **ret)
{
    struct watch *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return ERR_NOMEM;
    int code = uv_poll_init(&l->uv, &w->uv, fd);
    if (code != 0) {
        free(w);
        return err_of_uv(code);
    }
    w->uv.data = w;
    w->readable = readable;
    w->ctx = ctx;
    code = uv_poll_start(&w->uv, UV_READABLE | UV_DISCONNECT, watch_fired);
    if (code != 0) {
        watch_free(w);
        return err_of_uv(code);
    }
    *ret = w;
    return ERR_OK;
}
