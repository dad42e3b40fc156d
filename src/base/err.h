/*
 * The one error type. A verdict is never an error and an error is never a verdict.
 *
 * TRY(call) returns the error of `call` from the calling function, for functions that own nothing
 * that CLEANUP does not release.
 */
#pragma once

#include "base/base.h"

enum err {
    ERR_OK = 0,
    ERR_NOMEM,       /* an allocation failed, or an arena reached its cap */
    ERR_LIMIT,       /* a limit of base/limits.h was reached */
    ERR_INVALID,     /* input that no retry makes good: syntax, type, range */
    ERR_PROTOCOL,    /* the peer broke its protocol; the connection ends */
    ERR_INCOMPLETE,  /* more bytes are needed; nothing was consumed */
    ERR_NOT_FOUND,
    ERR_EXISTS,
    ERR_FORBIDDEN,   /* the caller may not do this */
    ERR_BAD_STATE,       /* not possible in the present state */
    ERR_STALE,       /* digest, version or binding no longer matches */
    ERR_TIMEOUT,
    ERR_CLOSED,      /* the peer is gone */
    ERR_IO,          /* the system refused a read, write or sync */
    ERR_UNSUPPORTED, /* understood and deliberately not done */
    ERR_CORRUPT,     /* stored data does not verify */
    ERR_BUG,         /* an invariant does not hold */
    ERR_COUNT_
};

/* A fixed English phrase such as "not found"; never NULL. */
const char *err_text(enum err e);

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (UNLIKELY(try_err_ != ERR_OK))                                                          \
            return try_err_;                                                                       \
    } while (0)
