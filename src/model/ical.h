/*
 * Duty schedules in iCalendar (RFC 5545): the events of a calendar, and whether one is on at an
 * instant. What rotations need and no more; anything else that would change when an event is on is
 * an error, never ignored.
 *
 *   read       VEVENT with SUMMARY, ATTENDEE, DTSTART, DTEND or DURATION, RRULE, EXDATE,
 *              RECURRENCE-ID, STATUS:CANCELLED; TZID with IANA names, UTC, dates
 *   RRULE      FREQ=DAILY or WEEKLY; INTERVAL, COUNT, UNTIL, BYDAY without numbers, WKST
 *   refused    other rules, RDATE, floating times (no TZID, no Z) without X-WR-TIMEZONE
 *   ignored    every other property and component: nothing in them changes when an event is on
 *
 * Pure.
 */
#pragma once

#include "base/arena.h"

enum ical_freq { ICAL_ONCE = 0, ICAL_DAILY, ICAL_WEEKLY };

struct ical_event {
    uint32_t line;              /* of BEGIN:VEVENT, from 1 */
    struct str uid, summary;
    const struct str *people;   /* of each ATTENDEE: the address behind mailto:, and CN */
    size_t n_people;
    struct str zone;            /* IANA name, or "UTC" */
    int64_t start, length;      /* seconds since 1970 in local time of the zone; seconds */
    enum ical_freq freq;
    uint32_t interval, count;   /* count 0: no limit */
    uint32_t days;              /* BYDAY: bits 1 << weekday, Sunday 0; 0: that of the start */
    int week_start;             /* WKST */
    bool has_until;
    int64_t until;              /* the last start: seconds since 1970 UTC */
    int64_t *except;            /* starts that are no instances: seconds since 1970 UTC, or a date */
    size_t n_except;
    bool cancelled, overrides;  /* overrides: RECURRENCE-ID, of the instance that starts at `replaces` */
    int64_t replaces;
};

struct ical {
    const struct ical_event *events;
    size_t n;
};

struct ical_error {
    uint32_t line;
    char text[160];
};

/* Texts are views into `text` or copies in `a`. ERR_INVALID (*ret_error says why), ERR_LIMIT: more than
 * LIMIT_ICAL_EVENTS, ERR_NOMEM. */
MUST_USE enum err ical_parse(struct str text, struct arena *a, struct ical *ret,
                             struct ical_error *ret_error);

/* Whether some instance of the event is on: from its start up to and not including its end. */
bool ical_is_on(const struct ical_event *e, int64_t utc_seconds);
