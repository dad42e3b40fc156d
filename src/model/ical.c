#include "model/ical.h"

#include "base/buf.h"
#include "base/calendar.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>

enum { DAY = 86400, EXCEPT_MAX = 256, PEOPLE_MAX = 32 };
/* A date that means something: years 1970 to 9999. */
#define SECONDS_MAX INT64_C(253402300799)

struct parsing {
    struct arena *a;
    struct str rest;
    uint32_t line;    /* of the present content line */
    uint32_t next_line;
    struct ical_error *error;
    struct str zone;  /* X-WR-TIMEZONE */
    struct ical_event *events;
    size_t n;
    struct ical_event *e; /* open VEVENT */
    bool has_start, has_end;
    int64_t end_utc, duration;
    size_t depth;     /* of components inside the event */
    int64_t *except;
    struct str *people;
};

/* A content line: NAME;PARAMS:VALUE (RFC 5545, 3.1). */
struct property {
    struct str name, params, value;
};

static enum err fail(struct parsing *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
static enum err fail(struct parsing *x, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    x->error->line = x->line;
    (void)vsnprintf(x->error->text, sizeof(x->error->text), fmt, args);
    va_end(args);
    return ERR_INVALID;
}

/* --- Lines ------------------------------------------------------------------------------------ */

static struct str take_physical(struct parsing *x)
{
    const char *end = x->rest.n != 0 ? memchr(x->rest.p, '\n', x->rest.n) : NULL;
    size_t n = end != NULL ? (size_t)(end - x->rest.p) : x->rest.n;
    struct str line = {x->rest.p, n};
    size_t used = n + (end != NULL);
    x->rest = (struct str){x->rest.p + used, x->rest.n - used};
    x->next_line++;
    if (line.n != 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool is_folded(const struct parsing *x)
{
    return x->rest.n != 0 && (x->rest.p[0] == ' ' || x->rest.p[0] == '\t');
}

/* The next line with its continuations; a single one is a view. */
static enum err take_line(struct parsing *x, struct str *ret)
{
    x->line = x->next_line;
    struct str line = take_physical(x);
    if (!is_folded(x)) {
        *ret = line;
        return ERR_OK;
    }
    CLEANUP(buf_done) struct buf b = {0};
    buf_init(&b, LIMIT_ICAL_LINE);
    TRY(buf_put_str(&b, line));
    while (is_folded(x)) {
        struct str more = take_physical(x);
        TRY(buf_put_str(&b, str_from(more.p + 1, more.n - 1)));
    }
    return arena_str(x->a, buf_view(&b), ret);
}

static bool split(struct str line, struct property *ret)
{
    bool quoted = false;
    size_t colon = 0, semicolon;
    while (colon < line.n && (quoted || line.p[colon] != ':')) {
        quoted = quoted != (line.p[colon] == '"');
        colon++;
    }
    if (colon == line.n)
        return false;
    for (semicolon = 0; semicolon < colon && line.p[semicolon] != ';';)
        semicolon++;
    ret->name = str_from(line.p, semicolon);
    ret->params = semicolon < colon ? str_from(line.p + semicolon + 1, colon - semicolon - 1) : STR("");
    ret->value = str_from(line.p + colon + 1, line.n - colon - 1);
    return true;
}

static bool named(struct str name, const char *want)
{
    return str_eq_ascii_nocase(name, str_of(want));
}

/* The parameter's value without its quotes, empty where there is none. */
static struct str param(struct str params, const char *name)
{
    while (params.n != 0) {
        bool quoted = false;
        size_t n = 0;
        while (n < params.n && (quoted || params.p[n] != ';')) {
            quoted = quoted != (params.p[n] == '"');
            n++;
        }
        struct str one = str_from(params.p, n), key, value;
        params = n < params.n ? str_from(params.p + n + 1, params.n - n - 1) : STR("");
        if (!str_cut(one, '=', &key, &value) || !named(key, name))
            continue;
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = str_from(value.p + 1, value.n - 2);
        return value;
    }
    return STR("");
}

/* --- Values ------------------------------------------------------------------------------------ */

static bool number(struct str s, uint64_t *ret)
{
    return s.n != 0 && s.n <= 9 && s.p[0] != '+' && s.p[0] != '-' && str_to_u64(s, ret) == ERR_OK;
}

static bool date_of(struct str s, int64_t *ret_days)
{
    uint64_t y, m, d;
    if (s.n != 8 || !number(str_from(s.p, 4), &y) || !number(str_from(s.p + 4, 2), &m) ||
        !number(str_from(s.p + 6, 2), &d) || y < 1970 || m < 1 || m > 12 || d < 1 || d > 31)
        return false;
    *ret_days = calendar_days((int64_t)y, (int)m, (int)d);
    struct civil c = calendar_of(*ret_days * DAY);
    return c.day == (int)d && c.month == (int)m;
}

struct time_value {
    int64_t local; /* seconds since 1970, in `zone` */
    struct str zone;
    bool is_date;
};

/* "20261123", "20261123T090000" with a zone, "20261123T090000Z". */
static enum err time_of(struct parsing *x, struct str value, struct str zone, struct time_value *ret)
{
    int64_t days;
    uint64_t h = 0, m = 0, s = 0;
    bool utc = value.n == 16 && value.p[15] == 'Z', is_date = value.n == 8;
    bool good = is_date || ((value.n == 15 || utc) && value.p[8] == 'T' &&
                            number(str_from(value.p + 9, 2), &h) && number(str_from(value.p + 11, 2), &m) &&
                            number(str_from(value.p + 13, 2), &s) && h < 24 && m < 60 && s < 61);
    if (!good || !date_of(str_from(value.p, 8), &days))
        return fail(x, "`%.*s` is no date and no time", (int)(value.n < 40 ? value.n : 40), value.p);
    zone = utc ? STR("UTC") : zone.n != 0 ? zone : x->zone;
    int32_t offset;
    if (zone.n == 0)
        return fail(x, "this time is in no zone: it needs TZID, a Z, or X-WR-TIMEZONE");
    if (!zone_offset(zone, days * DAY, &offset))
        return fail(x, "there is no time zone `%.*s`", (int)(zone.n < 60 ? zone.n : 60), zone.p);
    *ret = (struct time_value){days * DAY + (int64_t)(h * 3600 + m * 60 + s), zone, is_date};
    return ERR_OK;
}

/* A local time that a change of the clock skips is taken as if it had not (RFC 5545, 3.3.5). */
static int64_t utc_of(struct str zone, int64_t local)
{
    int32_t before = 0, after = 0;
    (void)!zone_offset(zone, local, &before);
    (void)!zone_offset(zone, local - before, &after);
    return local - after;
}

static int64_t local_of(struct str zone, int64_t utc)
{
    int32_t offset = 0;
    (void)!zone_offset(zone, utc, &offset);
    return utc + offset;
}

/* "PT8H", "P1W", "P1DT12H". */
static bool duration_of(struct str s, int64_t *ret)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'W', 7 * DAY}, {'D', DAY}, {'H', 3600}, {'M', 60}, {'S', 1}};
    int64_t sum = 0;
    size_t i = 1;
    if (s.n < 3 || s.p[0] != 'P')
        return false;
    while (i < s.n) {
        uint64_t n;
        size_t from = i, u = 0;
        if (s.p[i] == 'T') {
            i++;
            continue;
        }
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
        while (i < s.n && u < ARRAY_LEN(units) && units[u].unit != s.p[i])
            u++;
        if (i == s.n || u == ARRAY_LEN(units) || !number(str_from(s.p + from, i - from), &n))
            return false;
        sum += (int64_t)n * units[u].seconds;
        i++;
    }
    *ret = sum;
    return sum > 0;
}

/* --- Rules ------------------------------------------------------------------------------------- */

static const char *const weekdays[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

static bool weekday_of(struct str s, int *ret)
{
    for (int i = 0; i < 7; i++)
        if (named(s, weekdays[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static enum err days_of(struct parsing *x, struct str list, uint32_t *ret)
{
    while (list.n != 0) {
        struct str one = list;
        int day;
        if (!str_cut(list, ',', &one, &list))
            list = STR("");
        if (!weekday_of(one, &day))
            return fail(x, "BYDAY=%.*s is not understood: only days of the week are",
                        (int)(one.n < 20 ? one.n : 20), one.p);
        *ret |= 1u << day;
    }
    return ERR_OK;
}

static enum err rule_part(struct parsing *x, struct str key, struct str value)
{
    struct ical_event *e = x->e;
    uint64_t n = 0;
    bool is_number = number(value, &n);
    struct time_value until;
    if (named(key, "FREQ") && named(value, "DAILY"))
        e->freq = ICAL_DAILY;
    else if (named(key, "FREQ") && named(value, "WEEKLY"))
        e->freq = ICAL_WEEKLY;
    else if (named(key, "INTERVAL") && is_number && n != 0)
        e->interval = (uint32_t)n;
    else if (named(key, "COUNT") && is_number && n != 0)
        e->count = (uint32_t)n;
    else if (named(key, "BYDAY"))
        return days_of(x, value, &e->days);
    else if (named(key, "WKST") && weekday_of(value, &e->week_start))
        return ERR_OK;
    else if (named(key, "UNTIL")) {
        TRY(time_of(x, value, e->zone, &until));
        e->has_until = true;
        e->until = utc_of(until.zone, until.local + (until.is_date ? DAY - 1 : 0));
    } else
        return fail(x, "%.*s=%.*s of a rule is not understood: DAILY and WEEKLY are, with INTERVAL, "
                       "COUNT, UNTIL, BYDAY and WKST",
                    (int)(key.n < 20 ? key.n : 20), key.p, (int)(value.n < 30 ? value.n : 30), value.p);
    return ERR_OK;
}

static enum err rule_of(struct parsing *x, struct str value)
{
    x->e->interval = 1;
    x->e->week_start = 1;
    while (value.n != 0) {
        struct str one = value, key, rest;
        if (!str_cut(value, ';', &one, &value))
            value = STR("");
        if (!str_cut(one, '=', &key, &rest))
            return fail(x, "this is not a rule");
        TRY(rule_part(x, key, rest));
    }
    return x->e->freq != ICAL_ONCE ? ERR_OK : fail(x, "the rule has no FREQ");
}

/* --- Properties of an event -------------------------------------------------------------------- */

static enum err on_start(struct parsing *x, const struct property *p)
{
    struct time_value t;
    TRY(time_of(x, p->value, param(p->params, "TZID"), &t));
    x->e->start = t.local;
    x->e->zone = t.zone;
    x->e->length = t.is_date ? DAY : 0;
    x->has_start = true;
    return ERR_OK;
}

static enum err on_end(struct parsing *x, const struct property *p)
{
    struct time_value t;
    TRY(time_of(x, p->value, param(p->params, "TZID"), &t));
    x->end_utc = utc_of(t.zone, t.local);
    x->has_end = true;
    return ERR_OK;
}

static enum err on_duration(struct parsing *x, const struct property *p)
{
    return duration_of(p->value, &x->duration) ? ERR_OK : fail(x, "this is not a duration");
}

static enum err on_except(struct parsing *x, const struct property *p)
{
    struct str list = p->value, one;
    while (list.n != 0) {
        struct time_value t;
        one = list;
        if (!str_cut(list, ',', &one, &list))
            list = STR("");
        TRY(time_of(x, one, param(p->params, "TZID"), &t));
        if (x->e->n_except == EXCEPT_MAX)
            return fail(x, "more than %d exceptions", EXCEPT_MAX);
        x->except[x->e->n_except++] = t.is_date ? t.local : utc_of(t.zone, t.local);
    }
    return ERR_OK;
}

static enum err on_attendee(struct parsing *x, const struct property *p)
{
    struct str address = p->value, cn = param(p->params, "CN");
    if (address.n > 7 && named(str_from(address.p, 7), "mailto:"))
        address = str_from(address.p + 7, address.n - 7);
    if (x->e->n_people + 2 > PEOPLE_MAX)
        return fail(x, "more than %d attendees", PEOPLE_MAX / 2);
    x->people[x->e->n_people++] = address;
    if (cn.n != 0)
        x->people[x->e->n_people++] = cn;
    return ERR_OK;
}

static enum err on_summary(struct parsing *x, const struct property *p)
{
    x->e->summary = str_trim(p->value);
    return ERR_OK;
}

static enum err on_uid(struct parsing *x, const struct property *p)
{
    x->e->uid = p->value;
    return ERR_OK;
}

static enum err on_status(struct parsing *x, const struct property *p)
{
    x->e->cancelled = named(p->value, "CANCELLED");
    return ERR_OK;
}

static enum err on_rule(struct parsing *x, const struct property *p)
{
    return rule_of(x, p->value);
}

static enum err on_override(struct parsing *x, const struct property *p)
{
    struct time_value t;
    TRY(time_of(x, p->value, param(p->params, "TZID"), &t));
    if (param(p->params, "RANGE").n != 0)
        return fail(x, "RECURRENCE-ID with RANGE is not understood");
    x->e->overrides = true;
    x->e->replaces = t.is_date ? t.local : utc_of(t.zone, t.local);
    return ERR_OK;
}

static enum err on_refused(struct parsing *x, const struct property *p)
{
    return fail(x, "%.*s is not understood", STR_FMT(p->name));
}

typedef enum err on_property(struct parsing *x, const struct property *p);

static const struct {
    const char *name;
    on_property *fn;
    bool needs_start; /* looked at when the start is known */
} properties[] = {
    {"DTSTART", on_start, false}, {"DTEND", on_end, false},        {"EXDATE", on_except, false},
    {"ATTENDEE", on_attendee, false}, {"SUMMARY", on_summary, false}, {"UID", on_uid, false},
    {"STATUS", on_status, false}, {"RRULE", on_rule, true},        {"DURATION", on_duration, false},
    {"RDATE", on_refused, false}, {"EXRULE", on_refused, false},   {"RECURRENCE-ID", on_override, false},
};

static enum err event_property(struct parsing *x, const struct property *p)
{
    for (size_t i = 0; i < ARRAY_LEN(properties); i++) {
        if (!named(p->name, properties[i].name))
            continue;
        if (properties[i].needs_start && !x->has_start)
            return fail(x, "%s stands before DTSTART", properties[i].name);
        return properties[i].fn(x, p);
    }
    return ERR_OK;
}

/* --- Components -------------------------------------------------------------------------------- */

static enum err event_begin(struct parsing *x)
{
    if (x->n == LIMIT_ICAL_EVENTS)
        return ERR_LIMIT;
    x->e = &x->events[x->n];
    *x->e = (struct ical_event){.line = x->line};
    x->except = arena_new_array(x->a, EXCEPT_MAX, int64_t);
    x->people = arena_new_array(x->a, PEOPLE_MAX, struct str);
    x->has_start = x->has_end = false;
    x->duration = 0;
    return x->except != NULL && x->people != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err event_end(struct parsing *x)
{
    struct ical_event *e = x->e;
    x->line = e->line;
    if (!x->has_start)
        return fail(x, "this event has no DTSTART");
    if (x->has_end)
        e->length = local_of(e->zone, x->end_utc) - e->start;
    else if (x->duration != 0)
        e->length = x->duration;
    if (e->length <= 0 || e->length > 366 * (int64_t)DAY)
        return fail(x, "this event ends before it starts, or is longer than a year");
    e->except = x->except;
    e->people = x->people;
    x->n++;
    x->e = NULL;
    return ERR_OK;
}

static enum err one_line(struct parsing *x, const struct property *p)
{
    bool begins = named(p->name, "BEGIN"), ends = named(p->name, "END");
    if (x->e == NULL) {
        if (begins && named(p->value, "VEVENT"))
            return event_begin(x);
        if (named(p->name, "X-WR-TIMEZONE"))
            x->zone = p->value;
        return ERR_OK;
    }
    if (begins)
        x->depth++;
    else if (ends && x->depth != 0)
        x->depth--;
    else if (ends)
        return named(p->value, "VEVENT") ? event_end(x) : fail(x, "END does not match BEGIN");
    else if (x->depth == 0)
        return event_property(x, p);
    return ERR_OK;
}

/* The instances that other events stand in for, or cancel, are none of their own. */
static enum err apply_overrides(struct parsing *x)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct ical_event *o = &x->events[i];
        for (size_t k = 0; o->overrides && k < x->n; k++) {
            struct ical_event *e = &x->events[k];
            if (e->overrides || !str_eq(e->uid, o->uid))
                continue;
            x->line = o->line;
            if (e->n_except == EXCEPT_MAX)
                return fail(x, "more than %d exceptions", EXCEPT_MAX);
            e->except[e->n_except++] = o->replaces;
        }
    }
    return ERR_OK;
}

enum err ical_parse(struct str text, struct arena *a, struct ical *ret, struct ical_error *ret_error)
{
    struct parsing x = {.a = a, .rest = text, .next_line = 1, .error = ret_error};
    bool calendar = false;
    *ret_error = (struct ical_error){.line = 1, .text = "this is no iCalendar file"};
    x.events = arena_new_array(a, LIMIT_ICAL_EVENTS, struct ical_event);
    if (x.events == NULL)
        return ERR_NOMEM;
    while (x.rest.n != 0) {
        struct property p;
        struct str line;
        TRY(take_line(&x, &line));
        if (str_trim(line).n == 0)
            continue;
        if (!split(line, &p))
            return fail(&x, "this is no line of an iCalendar file");
        calendar = calendar || (named(p.name, "BEGIN") && named(p.value, "VCALENDAR"));
        if (!calendar)
            return ERR_INVALID;
        TRY(one_line(&x, &p));
    }
    if (x.e != NULL)
        return fail(&x, "the file ends inside an event");
    if (!calendar)
        return ERR_INVALID;
    TRY(apply_overrides(&x));
    *ret = (struct ical){x.events, x.n};
    return ERR_OK;
}

/* --- When -------------------------------------------------------------------------------------- */

static bool is_day_of_rule(const struct ical_event *e, int64_t first, int64_t day)
{
    int weekday = calendar_of(day * DAY).weekday;
    if (day == first)
        return true;
    if (e->days != 0 && (e->days >> weekday & 1) == 0)
        return false;
    if (e->freq == ICAL_DAILY)
        return (day - first) % e->interval == 0;
    if (e->days == 0 && weekday != calendar_of(first * DAY).weekday)
        return false;
    int64_t from = first - (calendar_of(first * DAY).weekday - e->week_start + 7) % 7;
    int64_t to = day - (weekday - e->week_start + 7) % 7;
    return (to - from) / 7 % e->interval == 0;
}

static bool is_within_count(const struct ical_event *e, int64_t first, int64_t day)
{
    uint32_t n = 0;
    if (e->count == 0)
        return true;
    for (int64_t d = first; d <= day; d++)
        if (is_day_of_rule(e, first, d) && ++n > e->count)
            return false;
    return true;
}

static bool is_instance(const struct ical_event *e, int64_t first, int64_t day, int64_t start_utc)
{
    if (e->freq == ICAL_ONCE ? day != first : !is_day_of_rule(e, first, day))
        return false;
    if ((e->has_until && start_utc > e->until) || !is_within_count(e, first, day))
        return false;
    for (size_t i = 0; i < e->n_except; i++)
        if (e->except[i] == start_utc || e->except[i] == day * DAY)
            return false;
    return true;
}

bool ical_is_on(const struct ical_event *e, int64_t utc)
{
    int64_t first = e->start / DAY, time = e->start % DAY;
    if (e->cancelled || utc < 0 || utc > SECONDS_MAX)
        return false;
    /* The end is the start plus the length by the clock on the wall: a shift from nine to nine stays one
     * when the clocks change. Days are looked at that could be on by then. */
    int64_t today = local_of(e->zone, utc) / DAY;
    int64_t from = today - e->length / DAY - 2;
    for (int64_t day = from > first ? from : first; day <= today + 1; day++) {
        int64_t start = utc_of(e->zone, day * DAY + time);
        int64_t end = utc_of(e->zone, day * DAY + time + e->length);
        if (utc >= start && utc < end && is_instance(e, first, day, start))
            return true;
    }
    return false;
}
