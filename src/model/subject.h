/*
 * Who wants to act. `name` is the account as the source authenticated it (byte-exact; never folded,
 * trimmed or looked up by display name); `person` is whose account that is, where `people:` in the
 * configuration says so, and is what self-approval is judged by.
 */
#pragma once

#include "base/str.h"

struct subject {
    struct str name;
    struct str kind;          /* "user", "service", "agent" */
    struct str person;        /* canonical person, empty where nobody is named for this account */
    struct str on_behalf_of;  /* the person an agent or service acts for, else empty */
    const struct str *groups; /* of the person */
    size_t n_groups;
    bool disabled;            /* the person is: no session */
    struct str address;       /* "192.0.2.7:51234" or "local" */
};
