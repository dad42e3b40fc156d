/* Duty schedules: what is read of iCalendar, what is refused, and when an event is on. */
#include "tap.h"

#include "base/calendar.h"
#include "model/ical.h"

#include <stdio.h>

struct bench {
    struct arena a;
    struct ical c;
    struct ical_error said;
    enum err err;
    char text[4096];
};

static void read_event(struct bench *b, const char *lines)
{
    arena_init(&b->a, 64 << 20);
    snprintf(b->text, sizeof(b->text), "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n%sEND:VCALENDAR\r\n", lines);
    b->err = ical_parse(str_of(b->text), &b->a, &b->c, &b->said);
    if (b->err != ERR_OK)
        printf("# line %u: %s\n", b->said.line, b->said.text);
}

#define EVENT(lines) "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:ana\r\n" lines "END:VEVENT\r\n"

static int64_t at(int year, int month, int day, int hour, int minute)
{
    return calendar_days(year, month, day) * 86400 + hour * 3600 + minute * 60;
}

static bool on(const struct bench *b, int64_t utc)
{
    for (size_t i = 0; i < b->c.n; i++)
        if (ical_is_on(&b->c.events[i], utc))
            return true;
    return false;
}

TEST(an_event_is_on_from_its_start_to_before_its_end)
{
    struct bench b;
    read_event(&b, EVENT("DTSTART:20261123T090000Z\r\nDTEND:20261123T170000Z\r\n"));
    CHECK_OK(b.err);
    CHECK(b.c.n == 1);
    CHECK_STR(b.c.events[0].summary, "ana");
    CHECK(!on(&b, at(2026, 11, 23, 9, 0) - 1) && on(&b, at(2026, 11, 23, 9, 0)));
    CHECK(on(&b, at(2026, 11, 23, 17, 0) - 1) && !on(&b, at(2026, 11, 23, 17, 0)));
    arena_done(&b.a);
}

TEST(a_weekly_shift_keeps_its_hour_when_the_clocks_change)
{
    struct bench b;
    /* Berlin: UTC+1 in winter, UTC+2 in summer; a week from Monday nine to Monday nine, every other week. */
    read_event(&b, EVENT("DTSTART;TZID=Europe/Berlin:20260105T090000\r\n"
                         "DTEND;TZID=Europe/Berlin:20260112T090000\r\n"
                         "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO\r\n"));
    CHECK_OK(b.err);
    CHECK(on(&b, at(2026, 1, 5, 8, 0)) && !on(&b, at(2026, 1, 5, 7, 59)));
    CHECK(on(&b, at(2026, 1, 12, 7, 59)) && !on(&b, at(2026, 1, 12, 8, 0)));
    CHECK(!on(&b, at(2026, 1, 14, 12, 0)) && on(&b, at(2026, 1, 20, 12, 0)));
    /* 29 June 2026 is 25 weeks later: not; 6 July is 26: nine in Berlin is seven in UTC. */
    CHECK(!on(&b, at(2026, 6, 30, 12, 0)) && !on(&b, at(2026, 7, 6, 6, 59)) && on(&b, at(2026, 7, 6, 7, 0)));
    arena_done(&b.a);
}

TEST(daily_shifts_over_midnight_on_some_days_until_or_so_often)
{
    struct bench b;
    read_event(&b, EVENT("DTSTART:20261102T220000Z\r\nDURATION:PT8H\r\n"
                         "RRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261110T220000Z\r\n"
                         "EXDATE:20261104T220000Z\r\n"));
    CHECK_OK(b.err);
    CHECK(on(&b, at(2026, 11, 3, 5, 59)) && !on(&b, at(2026, 11, 3, 6, 0)));
    CHECK(!on(&b, at(2026, 11, 5, 1, 0)) && on(&b, at(2026, 11, 7, 1, 0)) && !on(&b, at(2026, 11, 8, 1, 0)));
    CHECK(on(&b, at(2026, 11, 10, 23, 0)) && !on(&b, at(2026, 11, 11, 23, 0)));
    arena_done(&b.a);
    read_event(&b, EVENT("DTSTART;VALUE=DATE:20261101\r\nRRULE:FREQ=DAILY;INTERVAL=3;COUNT=2\r\nX-WR:1\r\n"));
    CHECK(b.err == ERR_INVALID); /* a date in no zone */
    arena_done(&b.a);
    read_event(&b, "X-WR-TIMEZONE:UTC\r\n"
                   EVENT("DTSTART;VALUE=DATE:20261101\r\nRRULE:FREQ=DAILY;INTERVAL=3;COUNT=2\r\n"));
    CHECK_OK(b.err);
    CHECK(on(&b, at(2026, 11, 1, 23, 59)) && !on(&b, at(2026, 11, 2, 0, 0)));
    CHECK(on(&b, at(2026, 11, 4, 0, 0)) && !on(&b, at(2026, 11, 7, 12, 0)));
    arena_done(&b.a);
}

TEST(one_instance_is_moved_or_cancelled_by_another_event)
{
    struct bench b;
    read_event(&b, EVENT("DTSTART:20261102T090000Z\r\nDTEND:20261102T100000Z\r\nRRULE:FREQ=DAILY\r\n")
                   EVENT("RECURRENCE-ID:20261103T090000Z\r\nDTSTART:20261103T150000Z\r\n"
                         "DTEND:20261103T160000Z\r\n")
                   EVENT("RECURRENCE-ID:20261104T090000Z\r\nSTATUS:CANCELLED\r\n"
                         "DTSTART:20261104T090000Z\r\nDTEND:20261104T100000Z\r\n"));
    CHECK_OK(b.err);
    CHECK(on(&b, at(2026, 11, 2, 9, 30)) && !on(&b, at(2026, 11, 3, 9, 30)) && on(&b, at(2026, 11, 3, 15, 30)));
    CHECK(!on(&b, at(2026, 11, 4, 9, 30)) && on(&b, at(2026, 11, 5, 9, 30)));
    arena_done(&b.a);
}

TEST(folded_lines_attendees_and_alarms_are_read_as_they_are_meant)
{
    struct bench b;
    read_event(&b, EVENT("ATTENDEE;CN=\"Bo; the second\";ROLE=X:mailto:bo@\r\n example.com\r\n"
                         "BEGIN:VALARM\r\nDTSTART:nonsense\r\nEND:VALARM\r\n"
                         "DTSTART:20261123T090000Z\r\nDTEND:20261123T170000Z\r\n"));
    CHECK_OK(b.err);
    CHECK(b.c.events[0].n_people == 2);
    CHECK_STR(b.c.events[0].people[0], "bo@example.com");
    CHECK_STR(b.c.events[0].people[1], "Bo; the second");
    arena_done(&b.a);
}

TEST(what_is_not_understood_is_refused_with_its_line)
{
    static const char *const bad[] = {
        EVENT("DTSTART:20261123T090000Z\r\nDTEND:20261123T170000Z\r\nRRULE:FREQ=MONTHLY\r\n"),
        EVENT("DTSTART:20261123T090000Z\r\nDTEND:20261123T170000Z\r\nRRULE:FREQ=WEEKLY;BYDAY=2MO\r\n"),
        EVENT("DTSTART:20261123T090000Z\r\nDTEND:20261123T170000Z\r\nRRULE:FREQ=DAILY;BYHOUR=3\r\n"),
        EVENT("DTSTART:20261123T090000Z\r\nDTEND:20261123T170000Z\r\nRDATE:20261124T090000Z\r\n"),
        EVENT("DTSTART;TZID=Middle/Earth:20261123T090000\r\nDTEND:20261123T170000Z\r\n"),
        EVENT("DTSTART:20261123T090000\r\nDTEND:20261123T170000\r\n"),
        EVENT("DTSTART:20261123T170000Z\r\nDTEND:20261123T090000Z\r\n"),
        EVENT("DTSTART:20261131T170000Z\r\nDTEND:20261201T090000Z\r\n"),
        EVENT("DTSTART:20261123T090000Z\r\n"),
        EVENT("SUMMARY:no start\r\n"),
        "BEGIN:VEVENT\r\nDTSTART:20261123T090000Z\r\n",
        "this is no line\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct bench b;
        read_event(&b, bad[i]);
        CHECK(b.err == ERR_INVALID && b.said.line >= 3);
        arena_done(&b.a);
    }
    struct bench b;
    arena_init(&b.a, 64 << 20);
    CHECK(ical_parse(STR("<html>"), &b.a, &b.c, &b.said) == ERR_INVALID);
    CHECK(ical_parse(STR(""), &b.a, &b.c, &b.said) == ERR_INVALID);
    arena_done(&b.a);
}

TAP_MAIN(T(an_event_is_on_from_its_start_to_before_its_end),
         T(a_weekly_shift_keeps_its_hour_when_the_clocks_change),
         T(daily_shifts_over_midnight_on_some_days_until_or_so_often),
         T(one_instance_is_moved_or_cancelled_by_another_event),
         T(folded_lines_attendees_and_alarms_are_read_as_they_are_meant),
         T(what_is_not_understood_is_refused_with_its_line))
