/*
 * The passwords with which the gateway logs in to databases: from a file, a variable of the environment,
 * or a command that prints one. Only the broker's process has them, as long as it needs them.
 */
#pragma once

#include "model/resource.h"
#include "net/loop.h"

struct secrets;

/* why: empty where there is a password; else why there is none, for the operator's log. Both are views,
 * valid during the call. */
typedef void secret_fn(void *ctx, uint64_t number, struct str password, struct str why);

MUST_USE enum err secrets_new(struct loop *l, secret_fn *fn, void *ctx, struct secrets **ret);
void secrets_free(struct secrets *s); /* commands that run are killed; NULL is fine */

/* fn(number) is called once, from inside for a file, a variable or a command that ran lately, else when
 * the command has ended. */
void secrets_ask(struct secrets *s, const struct resource *r, uint64_t number);
