/* What the broker asks of others over HTTP (broker_ops.fetch), carried out with net/fetch. */
#pragma once

#include "broker/broker.h"
#include "net/fetch.h"

struct asking; /* one broker's */

/* The broker is told of answers from the loop; `moved` is called after each. */
MUST_USE enum err asking_new(struct loop *l, void (*moved)(void *ctx), void *ctx,
                             struct asking **ret);
void asking_set_broker(struct asking *a, struct broker *b);
void asking_free(struct asking *a); /* before its broker and loop; NULL is fine */

/* As broker_ops.fetch. */
MUST_USE enum err asking_fetch(struct asking *a, uint64_t number, struct str url, struct str body);
