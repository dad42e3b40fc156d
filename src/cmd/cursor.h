/*
 * How far an export has come, in a file: {"next":4712,"length":90210,"leaf":"<hex>"}. It is replaced as a whole and
 * synced, so that after a crash it is the old one or the new one.
 */
#pragma once

#include "base/digest.h"

struct cursor_place {
    uint64_t next;      /* the first record that is not known to be there */
    uint64_t length;    /* of a file that is exported to: what is known to be whole */
    struct digest leaf; /* of record next - 1: tells the log from another */
};

/* ERR_NOT_FOUND: there is none yet; ERR_CORRUPT; ERR_IO. */
MUST_USE enum err cursor_load(const char *path, struct cursor_place *ret);
MUST_USE enum err cursor_save(const char *path, const struct cursor_place *c);
