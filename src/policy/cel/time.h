/* RFC 3339 text and Go-style durations, on the calendar of base/calendar.h. Pure. */
#pragma once

#include "base/calendar.h"
#include "policy/cel/value.h"

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
#define TIME_MIN_SECONDS (-62135596800)
#define TIME_MAX_SECONDS 253402300799

/* RFC 3339. False: it does not parse or is out of range. */
bool cel_time_parse(struct str text, int64_t *ret_seconds, uint32_t *ret_nanos);

/* "1h2m3.5s": sums of decimal numbers with units h m s ms us ns. False: no parse, or overflow. */
bool cel_duration_parse(struct str text, int64_t *ret_nanoseconds);

enum { TIME_TEXT_SIZE = 40 };

size_t cel_time_text(int64_t seconds, uint32_t nanos, char out[static TIME_TEXT_SIZE]);
size_t cel_duration_text(int64_t nanoseconds, char out[static TIME_TEXT_SIZE]); /* "-1.5s" */
