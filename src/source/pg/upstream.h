/*
 * Getting to the database: connect, and TLS where the resource asks for it. Used by sessions and by
 * cancel requests alike.
 */
#pragma once

#include "model/resource.h"
#include "net/stream.h"
#include "net/tls.h"

struct pg_upstream;

struct pg_upstream_ops {
    /* The stream is the callee's, with no callbacks set; the connector is gone after. */
    void (*ready)(void *ctx, struct stream *server);
    /* why: for the client. The connector is gone after. */
    void (*failed)(void *ctx, struct str why);
};

/* tls: NULL where r->upstream_tls is TLS_DISABLE. Neither callback runs from inside. */
MUST_USE enum err pg_upstream_new(struct loop *l, const struct resource *r, struct tls_context *tls,
                                  const struct pg_upstream_ops *ops, void *ctx,
                                  struct pg_upstream **ret);
void pg_upstream_free(struct pg_upstream *u); /* NULL is fine; no callback follows */
