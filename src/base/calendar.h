/* Civil time: the proleptic Gregorian calendar, and the time zones of the IANA database. Pure. */
#pragma once

#include "base/str.h"

struct civil {
    int64_t year;
    int month, day;       /* from 1 */
    int hour, minute, second;
    int weekday, yearday; /* from 0; Sunday is 0 */
};

/* Of seconds since 1970 in the zone that they are counted in. */
struct civil calendar_of(int64_t seconds);

/* Days since 1970-01-01 of a date. */
int64_t calendar_days(int64_t year, int month, int day);

/*
 * Seconds east of UTC at that instant in `zone`: an IANA name, "UTC", or "+hh:mm". False: no such
 * zone. IANA rules are built into the binary (zones.py).
 */
bool zone_offset(struct str zone, int64_t seconds, int32_t *ret_offset);
