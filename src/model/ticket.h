/* The tracker that tickets are of: how one looks, where people read it, who knows whether it exists. */
#pragma once

#include "base/str.h"

struct ticket_rule {
    struct str pattern; /* RE2, of the whole ticket; empty: any text */
    struct str url;     /* for people, `{ticket}` in it; empty: none */
    struct str check;   /* asked whether it exists: with `{ticket}` in it a GET, else a POST; empty: nobody is */
};

/* The template with the ticket in the place of `{ticket}`, percent-encoded (RFC 3986, unreserved
 * characters stay). ERR_NOMEM where `out` is full. */
struct buf;
MUST_USE enum err ticket_url(struct str template, struct str ticket, struct buf *out);
