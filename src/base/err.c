#include "base/err.h"

static const char *const texts[ERR_COUNT_] = {
    [ERR_OK] = "ok",
    [ERR_NOMEM] = "out of memory",
    [ERR_LIMIT] = "limit reached",
    [ERR_INVALID] = "invalid input",
    [ERR_PROTOCOL] = "protocol violation",
    [ERR_INCOMPLETE] = "incomplete input",
    [ERR_NOT_FOUND] = "not found",
    [ERR_EXISTS] = "already exists",
    [ERR_FORBIDDEN] = "not permitted",
    [ERR_BAD_STATE] = "not possible in this state",
    [ERR_STALE] = "no longer current",
    [ERR_TIMEOUT] = "timed out",
    [ERR_CLOSED] = "connection closed",
    [ERR_IO] = "input/output error",
    [ERR_UNSUPPORTED] = "not supported",
    [ERR_CORRUPT] = "corrupt data",
    [ERR_BUG] = "internal error",
};

const char *err_text(enum err e)
{
    if ((unsigned)e >= ERR_COUNT_ || texts[e] == NULL)
        return "unknown error";
    return texts[e];
}
