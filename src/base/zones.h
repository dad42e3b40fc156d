/* The time zones that were built in, sorted by name: the 64-bit part of a TZif file (RFC 8536). */
#pragma once

#include "base/str.h"

struct zone_data {
    struct str name;
    const unsigned char *tzif;
    size_t size;
};

extern const struct zone_data zone_table[];
extern const size_t zone_count;
