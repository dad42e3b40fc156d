/*
 * The HTTP API of the broker process: what people, the command line, the page and other programs
 * use. Routes are one table (src/api/routes.c), described by src/api/openapi.json, which is served
 * at /openapi.json.
 *
 * Who is calling is settled once for a call, before its handler runs:
 *   on the local socket   the kernel says which user of this machine (SO_PEERCRED); `people:` says
 *                         who that is. Root and the gateway's own user are operators.
 *   over TCP              a bearer token (RFC 6750), looked up by its SHA-256.
 * There are no cookies, so no other site can make a browser call with somebody's rights. A GET
 * never changes anything.
 *
 * Errors are {"error":{"code","message","hint"}}; `code` is for programs and never changes.
 */
#pragma once

#include "broker/broker.h"
#include "net/loop.h"
#include "policy/config.h"

struct api;

/* All three stay the caller's and must live until api_stop (the configuration: until the next
 * api_set_config). */
MUST_USE enum err api_start(struct loop *l, struct broker *b, const struct config *c,
                            struct api **ret);

/* Serves a listening socket, TCP or unix; the API owns fd from here, also on error. */
MUST_USE enum err api_listen(struct api *a, int fd);

/* After a reload. Event streams end and must be opened again: rights may have changed. */
void api_set_config(struct api *a, const struct config *c);

/* Ends every connection. NULL is fine. */
void api_stop(struct api *a);
