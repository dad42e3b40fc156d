/* Times as people type them. */
#pragma once

#include "base/clock.h"

/* "30d" (that long before `now_ns`), "2026-11-22" (midnight UTC), "2026-11-22T17:20:00Z". ERR_INVALID. */
MUST_USE enum err when_parse(struct str text, int64_t now_ns, int64_t *ret_ns);

/* "2026-11-22 17:20:00" in UTC. */
struct str when_text(int64_t wall_ns, char out[static CLOCK_TEXT]);
