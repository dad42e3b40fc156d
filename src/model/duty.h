/* Groups whose members change with time: by a schedule, or by what a webhook says. */
#pragma once

#include "model/ical.h"

struct duty_shift {
    struct str person; /* canonical */
    const struct ical_event *event;
};

struct duty_group {
    struct str name;
    const struct duty_shift *shifts; /* of a schedule */
    size_t n_shifts;
    struct str webhook;              /* URL; empty: a schedule */
    int64_t refresh_ns, stale_ns;    /* asked this often; its last word counts this long */
};

struct duty_groups {
    const struct duty_group *list;
    size_t n;
};
