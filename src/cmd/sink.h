/*
 * Where an export goes: standard output, a file, or a receiver over TLS. Bytes that were given to a sink are only
 * known to be there when sink_confirm says so; who exports moves on then and not before.
 *
 *   file    appended; confirmed by fdatasync. On resuming, what lies behind the confirmed length is cut off
 *   -       standard output; confirmed once written
 *   tls     confirmed by TLS's own end: ours is sent, and the receiver's must come back, which it does when it has
 *           read everything before (RFC 8446, 6.1). The next bytes make a new connection
 */
#pragma once

#include "base/buf.h"

struct sink;

struct sink_options {
    const char *to;      /* "-", a path, "tls://host:port" */
    const char *ca;      /* PEM file that the receiver's certificate must lead to; NULL: the system's */
    const char *cert, *key; /* ours, PEM files; NULL: none */
    uint64_t confirmed;  /* a file's length that is known to be whole */
    bool resumes;        /* false: a file is appended to as it is */
};

struct sink_error {
    char text[512];
};

/* ERR_INVALID: wrong use; ERR_IO. A connection is only made with the first bytes. */
MUST_USE enum err sink_open(const struct sink_options *o, struct sink **ret, struct sink_error *ret_error);
void sink_close(struct sink *s); /* NULL is fine */

bool sink_is_tls(const struct sink *s);
/* True where nothing was ever written there: a head is due. */
bool sink_is_empty(const struct sink *s);
/* The confirmed length of a file; 0 for others. */
uint64_t sink_length(const struct sink *s);

/* ERR_CLOSED: it did not take all (a connection is closed then; nothing since the last confirm counts). */
MUST_USE enum err sink_write(struct sink *s, struct str bytes, struct sink_error *ret_error);
/* All that was written is there. ERR_CLOSED: that is not known. */
MUST_USE enum err sink_confirm(struct sink *s, struct sink_error *ret_error);
