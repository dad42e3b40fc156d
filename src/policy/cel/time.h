/* Civil time: the proleptic Gregorian calendar, RFC 3339 text, Go-style durations. Pure. */
#pragma once

#include "policy/cel/value.h"

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
#define TIME_MIN_SECONDS (-62135596800)
#define TIME_MAX_SECONDS 253402300799

struct civil {
    int64_t year;
    int month, day;       /* from 1 */
    int hour, minute, second;
    int weekday, yearday; /* from 0; Sunday is 0 */
};

struct civil cel_civil_of(int64_t seconds);

/* Days since 1970-01-01 of a date. */
int64_t cel_days_of(int64_t year, int month, int day);

/* RFC 3339. False: it does not parse or is out of range. */
bool cel_time_parse(struct str text, int64_t *ret_seconds, uint32_t *ret_nanos);

/* "1h2m3.5s": sums of decimal numbers with units h m s ms us ns. False: no parse, or overflow. */
bool cel_duration_parse(struct str text, int64_t *ret_nanoseconds);

enum { TIME_TEXT_SIZE = 40 };

size_t cel_time_text(int64_t seconds, uint32_t nanos, char out[static TIME_TEXT_SIZE]);
size_t cel_duration_text(int64_t nanoseconds, char out[static TIME_TEXT_SIZE]); /* "-1.5s" */

/*
 * Seconds east of UTC at that instant in `zone`: an IANA name, "UTC", or "+hh:mm". False: no such
 * zone. IANA rules are built into the binary (zones.py).
 */
bool cel_zone_offset(struct str zone, int64_t seconds, int32_t *ret_offset);
