/*
 * What policy says. The values are far apart (any two differ in 16 bits), so that no single flipped
 * bit turns one into another, and zero is none of them: memory that was never written decides
 * nothing. Code tests for VERDICT_ALLOW explicitly; everything else does not run.
 */
#pragma once

#include "base/str.h"

enum verdict {
    VERDICT_ALLOW = 0x3c5a69c3,
    VERDICT_HOLD = 0x5a3cc396,
    VERDICT_DENY = 0x69c35a3c,
};

/* "allow", "hold", "deny"; "invalid" for anything else. */
const char *verdict_text(enum verdict v);
MUST_USE enum err verdict_parse(struct str s, enum verdict *ret);

/* The stronger of two: deny > hold > allow. An invalid one counts as deny. */
enum verdict verdict_max(enum verdict a, enum verdict b);
