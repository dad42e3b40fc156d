/*
 * Asks the configuration's witnesses to cosign each new checkpoint of the log, once a second at most, and keeps what
 * they answer in it (audit/witness.h is the other side). Nothing waits for them: a witness that is away is asked again.
 */
#pragma once

#include "broker/broker.h"
#include "net/loop.h"

struct witnesses;

/* ERR_INVALID where a URL cannot be asked (said on the log). Settings without witnesses are fine: nothing is done. Both
 * have to live as long as it. */
MUST_USE enum err witnesses_new(struct loop *l, struct broker *b, const struct audit_settings *s,
                                struct witnesses **ret);
void witnesses_free(struct witnesses *w); /* NULL is fine */
