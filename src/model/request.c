#include "model/request.h"

static const char *const names[REQUEST_STATE_COUNT_] = {
    [REQUEST_PENDING] = "pending",     [REQUEST_APPROVED] = "approved",
    [REQUEST_RUNNING] = "running",     [REQUEST_COMPLETED] = "completed",
    [REQUEST_FAILED] = "failed",       [REQUEST_UNKNOWN] = "unknown",
    [REQUEST_REJECTED] = "rejected",   [REQUEST_EXPIRED] = "expired",
    [REQUEST_WITHDRAWN] = "withdrawn",
};

static const bool may_become[REQUEST_STATE_COUNT_][REQUEST_STATE_COUNT_] = {
    [REQUEST_PENDING] = {[REQUEST_APPROVED] = true,
                         [REQUEST_REJECTED] = true,
                         [REQUEST_EXPIRED] = true,
                         [REQUEST_WITHDRAWN] = true},
    [REQUEST_APPROVED] = {[REQUEST_RUNNING] = true,
                          [REQUEST_EXPIRED] = true,
                          [REQUEST_WITHDRAWN] = true},
    [REQUEST_RUNNING] = {[REQUEST_COMPLETED] = true,
                         [REQUEST_FAILED] = true,
                         [REQUEST_UNKNOWN] = true},
};

const char *request_state_text(enum request_state s)
{
    return s > 0 && s < REQUEST_STATE_COUNT_ ? names[s] : "invalid";
}

enum err request_state_parse(struct str s, enum request_state *ret)
{
    for (size_t i = 1; i < REQUEST_STATE_COUNT_; i++)
        if (str_is(s, names[i])) {
            *ret = (enum request_state)i;
            return ERR_OK;
        }
    return ERR_INVALID;
}

bool request_may_become(enum request_state from, enum request_state to)
{
    if (from <= 0 || from >= REQUEST_STATE_COUNT_ || to <= 0 || to >= REQUEST_STATE_COUNT_)
        return false;
    return may_become[from][to];
}

bool request_is_final(enum request_state s)
{
    for (size_t to = 1; to < REQUEST_STATE_COUNT_; to++)
        if (request_may_become(s, (enum request_state)to))
            return false;
    return true;
}
