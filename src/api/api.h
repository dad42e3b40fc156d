/*
 * The HTTP API of the broker process: what people, the command line, the page and other programs
 * use. Routes are one table (src/api/routes.c), described by src/api/openapi.json, which is served
 * at /openapi.json.
 *
 * Who is calling is settled once for a call, before its handler runs:
 *   on the local socket   the kernel says which user of this machine (SO_PEERCRED); `people:` says
 *                         who that is. Root and the gateway's own user are operators.
 *   over TCP              a bearer token (RFC 6750), looked up by its SHA-256.
 *   a page                a cookie with such a token (HttpOnly, SameSite=Strict), which a changing call
 *                         must accompany with an Origin of this host
 * So no other site can make a browser call with somebody's rights. A GET never changes anything.
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

/* A change of the people that the gateway itself keeps (`people_file:`). */
enum people_change_kind { PEOPLE_ADD = 1, PEOPLE_DISABLE, PEOPLE_ENABLE, PEOPLE_REGROUP };
struct people_change {
    enum people_change_kind kind;
    struct str person;
    struct str groups; /* ADD, REGROUP: names with a space between */
    struct str roles;  /* ADD: "auditor", "admin" */
};

/* What the process around the API does for it. */
struct api_owner {
    /* Writes it down, records it and puts it in force, or nothing of that. ERR_EXISTS, ERR_NOT_FOUND,
     * ERR_INVALID (the configuration would not load), ERR_UNSUPPORTED (no people_file), ERR_IO; the
     * words for people are in ret_said. */
    enum err (*change_people)(void *ctx, const struct people_change *change,
                              const struct broker_caller *by, struct moment now,
                              struct broker_error *ret_said);
};
/* Without one, people cannot be changed over the API. */
void api_set_owner(struct api *a, const struct api_owner *owner, void *ctx);

/* Serves a listening socket, TCP or unix; the API owns fd from here, also on error. */
MUST_USE enum err api_listen(struct api *a, int fd);

/* After a reload. Event streams end and must be opened again: rights may have changed. */
void api_set_config(struct api *a, const struct config *c);

/* Ends every connection. NULL is fine. */
void api_stop(struct api *a);
