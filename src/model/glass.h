/*
 * Break-glass: who may run at once what waits for approval, with what second factor, and by when
 * somebody else has to look at it afterwards. Values; approval/glass.h has the rules.
 */
#pragma once

#include "base/str.h"

/* Bits: a configuration may accept either. */
enum second_factor {
    FACTOR_TOTP = 1,         /* six digits of an authenticator (RFC 6238) */
    FACTOR_SEALED_TOKEN = 2, /* a token that works once, made by an admin and kept in an envelope */
};

/* As the configuration says it. n_who 0: nobody may. Owned by the configuration. */
struct break_glass {
    const struct str *who; /* people and groups */
    size_t n_who;
    uint32_t factors;
    int64_t review_within_ns;
};
