/*
 * The envelope: the bytes a digest covers, and the only thing an approver is shown the action from.
 * One line of JSON with fixed member order, written once, at submission; nobody re-serialises it.
 *
 *   {"countersign":1,"kind":"sql","subject":{...},"resource":{...},"action":{...}}
 *
 * "action" is the source's own part (docs/wire/X.md says what is in it): the complete text, every
 * parameter, and all session state that changes what the text means. What does not change the
 * meaning (client address, application name, times) is in the request's context, outside.
 */
#pragma once

#include "base/digest.h"
#include "base/json.h"
#include "model/action.h"

/* Appends the envelope of `a` whose "action" member is `action_json`, and gives the digest of
 * exactly the bytes appended. ERR_LIMIT above LIMIT_ENVELOPE. */
MUST_USE enum err envelope_write(struct buf *out, const struct action *a, struct str action_json,
                                 struct digest *ret_digest);
