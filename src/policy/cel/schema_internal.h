/* The inside of a schema, for the checker. */
#pragma once

#include "policy/cel/schema.h"

struct host_function {
    struct str name;
    bool member;
    const struct cel_type *const *params;
    uint32_t param_count;
    const struct cel_type *result;
    cel_host_fn *fn;
    uint32_t cost;
    const struct host_function *next;
};

struct cel_schema {
    struct arena arena;
    const struct cel_variable **variables; /* by slot */
    const struct cel_variable **index;     /* by name: open addressing */
    size_t index_size;                     /* a power of two, or 0 */
    uint32_t variable_count, room;
    const struct host_function *functions;
};
