/* Offsets from UTC: "+hh:mm", and the IANA rules in TZif form with their POSIX footer. */
#include "base/calendar.h"
#include "base/zones.h"

static int64_t big_endian(const unsigned char *p, int bytes)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* --- POSIX TZ strings: the rule after the last transition ----------------------------------------------- */

struct footer {
    const char *p, *end;
    bool bad;
};

static int digits(struct footer *f)
{
    int v = 0;
    bool any = false;
    for (; f->p < f->end && *f->p >= '0' && *f->p <= '9' && v < 100000; f->p++, any = true)
        v = v * 10 + (*f->p - '0');
    f->bad |= !any;
    return v;
}

static bool skip(struct footer *f, char c)
{
    if (f->p >= f->end || *f->p != c)
        return false;
    f->p++;
    return true;
}

/* hh[:mm[:ss]] with a sign, in seconds. */
static int32_t clock_value(struct footer *f)
{
    bool minus = skip(f, '-');
    if (!minus)
        (void)skip(f, '+');
    int v = digits(f) * 3600;
    if (skip(f, ':'))
        v += digits(f) * 60;
    if (skip(f, ':'))
        v += digits(f);
    return minus ? -v : v;
}

static void skip_name(struct footer *f)
{
    if (skip(f, '<')) {
        while (f->p < f->end && *f->p != '>')
            f->p++;
        f->bad |= !skip(f, '>');
        return;
    }
    while (f->p < f->end && ((*f->p >= 'A' && *f->p <= 'Z') || (*f->p >= 'a' && *f->p <= 'z')))
        f->p++;
}

/* ",Mm.w.d/time", ",Jn" or ",n" in the given year: seconds since 1970 in standard local time. */
static int64_t rule(struct footer *f, int64_t year)
{
    int64_t day, time = 7200;
    f->bad |= !skip(f, ',');
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (skip(f, 'M')) {
        int month = digits(f);
        (void)skip(f, '.');
        int week = digits(f);
        (void)skip(f, '.');
        int weekday = digits(f);
        f->bad |= month < 1 || month > 12;
        if (f->bad)
            return 0;
        int64_t first = calendar_days(year, month, 1);
        int64_t next = month == 12 ? calendar_days(year + 1, 1, 1) : calendar_days(year, month + 1, 1);
        day = first + (weekday - ((first + 4) % 7 + 7) % 7 + 7) % 7 + (int64_t)(week - 1) * 7;
        while (day >= next)
            day -= 7;
    } else if (skip(f, 'J')) {
        int n = digits(f);
        day = calendar_days(year, 1, 1) + n - 1 + (leap && n >= 60);
    } else {
        day = calendar_days(year, 1, 1) + digits(f);
    }
    if (skip(f, '/'))
        time = clock_value(f);
    return day * 86400 + time;
}

static bool footer_offset(const char *p, const char *end, int64_t seconds, int32_t *ret)
{
    struct footer f = {p, end, false};
    skip_name(&f);
    int32_t standard = -clock_value(&f);
    *ret = standard;
    if (f.p == f.end || f.bad)
        return !f.bad;
    skip_name(&f);
    int32_t daylight = standard + 3600;
    if (f.p < f.end && *f.p != ',')
        daylight = -clock_value(&f);
    int64_t year = calendar_of(seconds + standard).year;
    int64_t start = rule(&f, year) - standard, stop = rule(&f, year) - daylight;
    bool summer = start < stop ? seconds >= start && seconds < stop
                               : !(seconds >= stop && seconds < start);
    *ret = summer ? daylight : standard;
    return !f.bad;
}

/* --- TZif ---------------------------------------------------------------------------------------------------- */

enum { HEADER = 44, TYPE_SIZE = 6 };

static uint32_t count_at(const unsigned char *p, int which)
{
    return (uint32_t)big_endian(p + 20 + (ptrdiff_t)4 * which, 4);
}

static bool tzif_offset(const struct zone_data *z, int64_t seconds, int32_t *ret)
{
    const unsigned char *p = z->tzif;
    uint32_t isutc = count_at(p, 0), isstd = count_at(p, 1), leap = count_at(p, 2);
    uint32_t times = count_at(p, 3), types = count_at(p, 4), chars = count_at(p, 5);
    const unsigned char *at = p + HEADER, *index = at + (size_t)times * 8, *type = index + times;
    size_t lo = 0, hi = times;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (big_endian(at + mid * 8, 8) <= seconds)
            lo = mid + 1;
        else
            hi = mid;
    }
    const unsigned char *foot = type + (size_t)types * TYPE_SIZE + chars + (size_t)leap * 12 + isstd +
                                isutc + 1;
    const unsigned char *end = z->tzif + z->size - 1;
    if (lo == times && foot < end)
        return footer_offset((const char *)foot, (const char *)end, seconds, ret);
    *ret = (int32_t)big_endian(type + (lo == 0 ? 0 : index[lo - 1]) * (size_t)TYPE_SIZE, 4);
    return true;
}

static const struct zone_data *find(struct str name)
{
    size_t lo = 0, hi = zone_count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int order = str_cmp(zone_table[mid].name, name);
        if (order == 0)
            return &zone_table[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* "+hh:mm", "-hh:mm" or "hh:mm". */
static bool fixed_offset(struct str s, int32_t *ret)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    if (s.n > 0 && (minus || s.p[0] == '+'))
        s = str_from(s.p + 1, s.n - 1);
    struct str hours, minutes;
    uint64_t h, m;
    if (s.n != 5 || !str_cut(s, ':', &hours, &minutes) || hours.n != 2 ||
        str_to_u64(hours, &h) != ERR_OK || str_to_u64(minutes, &m) != ERR_OK || h > 23 || m > 59)
        return false;
    int32_t v = (int32_t)(h * 3600 + m * 60);
    *ret = minus ? -v : v;
    return true;
}

bool zone_offset(struct str zone, int64_t seconds, int32_t *ret_offset)
{
    if (fixed_offset(zone, ret_offset))
        return true;
    if (zone.n == 0 || str_is(zone, "UTC")) {
        *ret_offset = 0;
        return true;
    }
    const struct zone_data *z = find(zone);
    return z != NULL && tzif_offset(z, seconds, ret_offset);
}
