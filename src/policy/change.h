/*
 * What differs between two configurations, as facts (model/policy_change.h) and as a text for people.
 * Pure: files are compared as they were loaded.
 */
#pragma once

#include "model/policy_change.h"
#include "policy/config.h"

/* What such an action happens to. No resource of a configuration can have its name. */
extern const struct resource policy_resource;
#define POLICY_RESOURCE "countersign:policy"

/* All strings are in `a`. What differs in comments, layout or order of entries alone is no change.
 * ERR_NOMEM. */
MUST_USE enum err policy_change_of(const struct config *from, const struct config *to, struct arena *a,
                                   struct policy_change *ret);

/*
 * The "action" member of the envelope: the sections and names, the two policy versions, every file that
 * differs with the SHA-256 of its old and new bytes (null: there is none), and under "text" the whole
 * difference, unified, file by file. ERR_LIMIT: it does not fit an envelope. ERR_NOMEM.
 */
MUST_USE enum err policy_change_json(const struct config *from, const struct config *to,
                                     const struct policy_change *c, struct buf *out);
