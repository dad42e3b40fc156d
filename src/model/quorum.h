/*
 * Who has to approve: a list of requirements, all of which must be met by distinct people.
 */
#pragma once

#include "base/str.h"

struct requirement {
    const struct str *from; /* names of groups or people */
    size_t n_from;
    uint32_t count;         /* at least 1 */
};

struct quorum {
    const struct requirement *reqs;
    size_t n_reqs;
};
