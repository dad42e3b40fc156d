/* Compiled patterns: those of a program, and the cache of computed ones. */
#pragma once

#include "policy/cel/cel.h"
#include "policy/cel/re2.h"

/*
 * The pattern compiled: from e->regexes, or *ret_owned, which the caller frees. On ERR_INVALID the
 * reason is in `why`.
 */
MUST_USE enum err cel_regex_for(struct cel_eval *e, struct str pattern, const struct cel_regex **ret,
                            struct cel_regex **ret_owned, char *why, size_t size);
