#include "policy/cel/time.h"

#include <stdio.h>

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* --- RFC 3339 ---------------------------------------------------------------------------------------- */

struct reader {
    struct str s;
    size_t at;
    bool bad;
};

static int number(struct reader *r, int digits)
{
    int v = 0;
    for (int i = 0; i < digits; i++, r->at++) {
        char c = r->at < r->s.n ? r->s.p[r->at] : '\0';
        if (c < '0' || c > '9')
            r->bad = true;
        v = v * 10 + (c - '0');
    }
    return r->bad ? 0 : v;
}

static bool next_is(struct reader *r, char c)
{
    if (r->at >= r->s.n || r->s.p[r->at] != c)
        return false;
    r->at++;
    return true;
}

static void expect(struct reader *r, char upper, char lower)
{
    if (!next_is(r, upper) && !next_is(r, lower))
        r->bad = true;
}

static uint32_t fraction(struct reader *r)
{
    uint32_t nanos = 0, unit = 100000000, digits = 0;
    if (!next_is(r, '.'))
        return 0;
    for (; r->at < r->s.n && r->s.p[r->at] >= '0' && r->s.p[r->at] <= '9'; r->at++, digits++) {
        nanos += (uint32_t)(r->s.p[r->at] - '0') * unit;
        unit /= 10;
    }
    r->bad |= digits == 0 || digits > 9;
    return nanos;
}

static int64_t utc_offset(struct reader *r)
{
    if (next_is(r, 'Z') || next_is(r, 'z'))
        return 0;
    bool minus = next_is(r, '-');
    if (!minus && !next_is(r, '+'))
        r->bad = true;
    int hours = number(r, 2);
    expect(r, ':', ':');
    int minutes = number(r, 2);
    r->bad |= hours > 23 || minutes > 59;
    int64_t seconds = hours * 3600 + minutes * 60;
    return minus ? -seconds : seconds;
}

bool cel_time_parse(struct str text, int64_t *ret_seconds, uint32_t *ret_nanos)
{
    struct reader r = {.s = text};
    int year = number(&r, 4);
    expect(&r, '-', '-');
    int month = number(&r, 2);
    expect(&r, '-', '-');
    int day = number(&r, 2);
    expect(&r, 'T', 't');
    int hour = number(&r, 2);
    expect(&r, ':', ':');
    int minute = number(&r, 2);
    expect(&r, ':', ':');
    int second = number(&r, 2);
    uint32_t nanos = fraction(&r);
    int64_t offset = utc_offset(&r);
    if (r.bad || r.at != text.n || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t seconds = calendar_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    if (seconds < TIME_MIN_SECONDS || seconds > TIME_MAX_SECONDS)
        return false;
    *ret_seconds = seconds;
    *ret_nanos = nanos;
    return true;
}

/* --- Durations ------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int64_t nanoseconds;
} units[] = {
    {"ns", 1},         {"us", 1000},          {"\xc2\xb5s", 1000},       {"\xce\xbcs", 1000},
    {"ms", 1000000},   {"s", 1000000000},     {"m", 60000000000},        {"h", 3600000000000},
};

static int64_t unit_at(struct reader *r)
{
    struct str rest = str_from(r->s.p + r->at, r->s.n - r->at);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t n = strlen(units[i].name);
        if (str_starts(rest, str_of(units[i].name))) {
            r->at += n;
            return units[i].nanoseconds;
        }
    }
    r->bad = true;
    return 0;
}

/* One decimal number and its unit, in negative nanoseconds: the negative range is the larger one. */
static bool amount(struct reader *r, int64_t *ret)
{
    int64_t whole = 0, nanos;
    double rest = 0, scale = 1;
    size_t digits = 0;
    for (; r->at < r->s.n && r->s.p[r->at] >= '0' && r->s.p[r->at] <= '9'; r->at++, digits++)
        if (__builtin_mul_overflow(whole, (int64_t)10, &whole) ||
            __builtin_sub_overflow(whole, (int64_t)(r->s.p[r->at] - '0'), &whole))
            return false;
    if (next_is(r, '.'))
        for (; r->at < r->s.n && r->s.p[r->at] >= '0' && r->s.p[r->at] <= '9'; r->at++, digits++) {
            scale /= 10;
            rest += (r->s.p[r->at] - '0') * scale;
        }
    int64_t unit = unit_at(r);
    if (r->bad || digits == 0 || __builtin_mul_overflow(whole, unit, &nanos))
        return false;
    return !__builtin_sub_overflow(nanos, (int64_t)(rest * (double)unit + 0.5), ret);
}

bool cel_duration_parse(struct str text, int64_t *ret_nanoseconds)
{
    struct reader r = {.s = text};
    bool minus = next_is(&r, '-');
    int64_t total = 0;
    if (!minus)
        (void)next_is(&r, '+');
    if (str_is(str_from(text.p + r.at, text.n - r.at), "0")) {
        *ret_nanoseconds = 0;
        return true;
    }
    if (r.at == text.n)
        return false;
    while (r.at < text.n) {
        int64_t one;
        if (!amount(&r, &one) || __builtin_add_overflow(total, one, &total))
            return false;
    }
    if (!minus && total == INT64_MIN)
        return false;
    *ret_nanoseconds = minus ? total : -total;
    return true;
}

/* --- Text -------------------------------------------------------------------------------------------------- */

/* ".123" without trailing zeros, or nothing. */
static size_t put_fraction(char *out, size_t size, uint32_t nanos)
{
    if (nanos == 0)
        return 0;
    size_t n = (size_t)snprintf(out, size, ".%09u", nanos);
    while (out[n - 1] == '0')
        n--;
    return n;
}

size_t cel_time_text(int64_t seconds, uint32_t nanos, char out[static TIME_TEXT_SIZE])
{
    struct civil c = calendar_of(seconds);
    size_t n = (size_t)snprintf(out, TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d",
                                (int)(c.year % 10000), c.month % 100, c.day % 100, c.hour % 100,
                                c.minute % 100, c.second % 100);
    n += put_fraction(out + n, TIME_TEXT_SIZE - n, nanos);
    out[n++] = 'Z';
    return n;
}

size_t cel_duration_text(int64_t nanoseconds, char out[static TIME_TEXT_SIZE])
{
    uint64_t v = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
    size_t n = (size_t)snprintf(out, TIME_TEXT_SIZE, "%s%llu", nanoseconds < 0 ? "-" : "",
                                (unsigned long long)(v / 1000000000));
    n += put_fraction(out + n, TIME_TEXT_SIZE - n, (uint32_t)(v % 1000000000));
    out[n++] = 's';
    return n;
}
