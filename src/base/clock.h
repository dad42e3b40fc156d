/*
 * Time. Deadlines use the monotonic clock (a wall-clock jump neither extends nor kills); records
 * carry the wall clock. Pure parts never call this: they are given the time.
 */
#pragma once

#include "base/str.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

int64_t clock_wall_ns(void); /* since 1970-01-01 UTC */
int64_t clock_mono_ns(void); /* since boot, suspends not counted */

/* Both at once, for parts that measure with one and record the other. */
struct moment {
    int64_t wall_ns, mono_ns;
};
struct moment clock_now(void);

/* RFC 3339 in UTC with milliseconds, "2026-11-22T17:20:00.123Z"; out has room for CLOCK_TEXT bytes. */
enum { CLOCK_TEXT = 32 };
struct str clock_text(int64_t wall_ns, char out[static CLOCK_TEXT]);

/* "90s", "15m", "2h", "1d", "500ms", and sums as in "1h30m". ERR_INVALID | ERR_LIMIT (over 366 days). */
MUST_USE enum err duration_parse(struct str s, int64_t *ret_ns);

/* For people: "15m", "1h30m", "45s"; sub-second amounts as "120ms". */
struct str duration_text(int64_t ns, char out[static CLOCK_TEXT]);
