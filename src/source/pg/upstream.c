#include "source/pg/upstream.h"
#include "base/limits.h"
#include "source/pg/wire.h"

#include <stdlib.h>

/*
 *  CONNECTING --connected--> (no TLS) ready
 *       |                 \-> ASKED --'S'--> HANDSHAKE --secured--> ready
 *       +-- ended ---> failed     \--'N'--> failed
 */
struct pg_upstream {
    struct stream *stream;
    const struct resource *resource;
    struct tls_context *tls;
    const struct pg_upstream_ops *ops;
    void *ctx;
    bool asked;
};

static void succeed(struct pg_upstream *u)
{
    struct stream *server = u->stream;
    const struct pg_upstream_ops *ops = u->ops;
    void *ctx = u->ctx;
    free(u);
    ops->ready(ctx, server);
}

static void fail(struct pg_upstream *u, struct str why)
{
    const struct pg_upstream_ops *ops = u->ops;
    void *ctx = u->ctx;
    char text[256];
    size_t n = why.n < sizeof(text) ? why.n : sizeof(text);
    if (n != 0)
        memcpy(text, why.p, n); /* why may live in the stream that goes now */
    pg_upstream_free(u);
    ops->failed(ctx, (struct str){text, n});
}

static void on_connected(void *ctx)
{
    struct pg_upstream *u = ctx;
    struct buf ask CLEANUP(buf_done) = {0};
    if (u->tls == NULL) {
        succeed(u);
        return;
    }
    buf_init(&ask, 64);
    u->asked = true;
    if (pg_put_ssl_request(&ask) != ERR_OK || stream_write(u->stream, buf_view(&ask)) != ERR_OK)
        fail(u, STR("the TLS request could not be sent"));
}

static void on_received(void *ctx, struct str bytes)
{
    struct pg_upstream *u = ctx;
    /* One byte answers the request; anything behind it came in the clear and is not to be believed. */
    if (!u->asked || bytes.n != 1 || (bytes.p[0] != 'S' && bytes.p[0] != 'N')) {
        fail(u, STR("it gave an unexpected answer to the TLS request"));
        return;
    }
    if (bytes.p[0] == 'N') {
        fail(u, STR("it does not offer TLS, which upstream_tls requires"));
        return;
    }
    u->asked = false;
    if (stream_start_tls(u->stream, u->tls, u->resource->upstream.host,
                         (struct str){NULL, 0}) != ERR_OK)
        fail(u, STR("TLS could not be started"));
}

static void on_secured(void *ctx)
{
    succeed(ctx);
}

static void on_ended(void *ctx, enum err why, struct str text)
{
    fail(ctx, text.n != 0 ? text : str_of(err_text(why)));
}

static const struct stream_ops connecting = {.connected = on_connected,
                                             .received = on_received,
                                             .secured = on_secured,
                                             .ended = on_ended};

enum err pg_upstream_new(struct loop *l, const struct resource *r, struct tls_context *tls,
                         const struct pg_upstream_ops *ops, void *ctx, struct pg_upstream **ret)
{
    struct pg_upstream *u = calloc(1, sizeof(*u));
    if (u == NULL)
        return ERR_NOMEM;
    *u = (struct pg_upstream){.resource = r, .tls = tls, .ops = ops, .ctx = ctx};
    enum err e = stream_connect(l, &r->upstream, LIMIT_CONNECT_MS, &connecting, u, &u->stream);
    if (e != ERR_OK) {
        free(u);
        return e;
    }
    *ret = u;
    return ERR_OK;
}

void pg_upstream_free(struct pg_upstream *u)
{
    if (u == NULL)
        return;
    stream_free(u->stream);
    free(u);
}
