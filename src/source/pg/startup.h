/*
 * The first packet of a connection (PostgreSQL manual, 55.2.1): what it asks for, taken apart
 * strictly, and the packet that is sent on. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum pg_first_kind { PG_FIRST_STARTUP = 1, PG_FIRST_SSL, PG_FIRST_GSSENC, PG_FIRST_CANCEL };

struct pg_setting {
    struct str name, value;
};

struct pg_first {
    enum pg_first_kind kind;
    /* PG_FIRST_CANCEL */
    uint32_t pid, secret;
    /* PG_FIRST_STARTUP: strings are views into the arena */
    uint16_t minor;
    struct str user, database;   /* database defaults to user, as on the server */
    struct str application_name; /* empty where absent */
    struct str replication;      /* the parameter's value; empty where absent */
    bool wants_replication;      /* it is given and is not a spelling of false */
    struct pg_setting *settings; /* all parameters in order, `user` and `database` among them */
    size_t n_settings;
};

/* Takes one first packet from the front of `in`. *ret_used is its whole length.
 * ERR_INCOMPLETE: more bytes needed. ERR_PROTOCOL | ERR_UNSUPPORTED (major version) | ERR_FORBIDDEN
 * (no user) | ERR_NOMEM: *ret_why says what is wrong, for the client. */
MUST_USE enum err pg_first_read(struct str in, struct arena *a, struct pg_first *ret,
                                size_t *ret_used, struct str *ret_why);

/* The start-up packet for the server: version 3.0 and every parameter but those of the protocol
 * itself (_pq_.*), which the gateway answers. `read_only`: transactions are to begin read-only. */
MUST_USE enum err pg_startup_write(struct buf *out, const struct pg_first *f, bool read_only);

/* NegotiateProtocolVersion, where the client asked for more than 3.0; nothing otherwise. */
MUST_USE enum err pg_negotiate_write(struct buf *out, const struct pg_first *f);

/* The settings inside the `options` parameter (-c name=value, --name=value), as the server's
 * process_postgres_switches reads them. *ret is in the arena. ERR_INVALID for anything else in it. */
MUST_USE enum err pg_options_read(struct str options, struct arena *a, struct pg_setting **ret,
                                  size_t *ret_n);
