/* Compiling the expressions of one configuration: conditions and those in messages. */
#pragma once

#include "policy/internal.h"

struct compiler {
    struct loader *l;
    const struct policy_parts *parts;
    struct policy *p;
    struct cel_macro *macros;
    struct quorum_cache quorums;
};

/*
 * Compiles `length` bytes at `offset` of the scalar. `result`: the demanded type, NULL for any. A bad
 * expression is a problem with its place in the file and leaves *ret as it was; ERR_NOMEM.
 */
MUST_USE enum err compile_expression(struct compiler *c, const struct yaml_node *v, size_t offset,
                                     size_t length, const struct cel_type *result,
                                     struct cel_program **ret);
