/*
 * Reaching an address: look-up of the name, then each of its addresses in turn, until one connects,
 * all failed or the time is over. Inside net/ only.
 *
 *   RESOLVING --found--> TRYING --refused, next--> TRYING --connected--> done
 *       |                  |
 *       +---failed---------+--all failed, deadline--> done
 *
 * `done` is called exactly once, never from inside connector_new; the connector is freed by then.
 */
#pragma once

#include "base/address.h"
#include "net/loop.h"

struct connector;

/* fd is a connected socket that the callee owns, or -1 with the error; text is for people. */
typedef void connector_done_fn(void *ctx, int fd, enum err why, struct str text);

MUST_USE enum err connector_new(struct loop *l, const struct address *to, int64_t timeout_ms,
                                connector_done_fn *done, void *ctx, struct connector **ret);
void connector_free(struct connector *c); /* gives up; `done` is not called; NULL is fine */
