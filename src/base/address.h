/* Where to listen or connect, as written in the configuration. */
#pragma once

#include "base/str.h"

/* "127.0.0.1:6432", "[::1]:6432", "*:6432", or "unix:/run/x/.s.PGSQL.6432" taken apart. */
struct address {
    struct str host; /* a name, an IP, "*" for every interface; for unix the socket's path */
    uint16_t port;
    bool is_unix;
};

/* Views into s. default_port is used where none is written; 0: one must be. ERR_INVALID. */
MUST_USE enum err address_parse(struct str s, uint16_t default_port, struct address *ret);
