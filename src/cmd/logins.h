/*
 * Logins through the gateway, the broker's side: who the client is (broker/broker.h judges), and what the
 * database is answered, from passwords that no worker sees (cmd/secrets.h).
 */
#pragma once

#include "broker/broker.h"
#include "net/loop.h"
#include "policy/config.h"

struct logins;

/* Sends one LOGIN_ANSWER to the worker. */
typedef void login_send_fn(void *ctx, uint32_t worker, const struct link_message *m);

MUST_USE enum err logins_new(struct loop *l, struct broker *b, login_send_fn *send, void *ctx, struct logins **ret);
void logins_free(struct logins *x); /* NULL is fine */

/* Answers now or later; never not. `c` is the configuration in force. */
void logins_ask_broker(struct logins *x, const struct config *c, uint32_t worker,
                       const struct link_login *m, struct moment now);
/* Its link ended: what it asked needs no answer any more. */
void logins_worker_lost(struct logins *x, uint32_t worker);
