/*
 * One-time codes of an authenticator app: TOTP (RFC 6238) with its usual parameters, HMAC-SHA-1, steps
 * of 30 seconds, six digits. Pure: the time is the caller's.
 */
#pragma once

#include "base/buf.h"

enum {
    TOTP_SECRET = 20,  /* bytes: the length of the hash, as RFC 4226 §4 recommends */
    TOTP_DIGITS = 6,
    TOTP_STEP_S = 30,
    TOTP_DRIFT = 1,    /* steps that a clock may be off, to either side (RFC 6238 §5.2) */
};

/* The code of one step, `out` NUL-terminated. */
void totp_code(const unsigned char secret[static TOTP_SECRET], uint64_t step,
               char out[static TOTP_DIGITS + 1]);

/*
 * True where `code` is that of a step within TOTP_DRIFT of now that is later than `last_step`; then
 * *ret_step is it, to be kept as last_step: so a code works once (RFC 6238 §5.2). Every candidate is
 * computed and compared in full, in constant time.
 */
bool totp_check(const unsigned char secret[static TOTP_SECRET], struct str code, int64_t now_s,
                uint64_t last_step, uint64_t *ret_step);

/* Appends base32 (RFC 4648 §6, without padding), the form authenticators take a secret in. */
MUST_USE enum err base32_put(struct buf *out, struct str s);
