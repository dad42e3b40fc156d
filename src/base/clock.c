#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts); /* cannot fail for these two clocks */
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

struct moment clock_now(void)
{
    return (struct moment){clock_wall_ns(), clock_mono_ns()};
}

struct str clock_text(int64_t wall_ns, char out[static CLOCK_TEXT])
{
    int64_t sec = wall_ns / NS_PER_S, ms = (wall_ns % NS_PER_S) / NS_PER_MS;
    if (ms < 0)
        sec--, ms += 1000;
    time_t t = (time_t)sec;
    struct tm tm;
    gmtime_r(&t, &tm);
    size_t n = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    int m = snprintf(out + n, CLOCK_TEXT - n, ".%03dZ", (int)ms);
    return (struct str){out, n + (size_t)m};
}

static const struct {
    const char *name;
    int64_t ns;
} units[] = {{"ms", NS_PER_MS},      {"s", NS_PER_S},          {"m", 60 * NS_PER_S},
             {"h", 3600 * NS_PER_S}, {"d", 86400 * NS_PER_S}};

static bool unit_of(struct str name, int64_t *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_is(name, units[i].name)) {
            *ret = units[i].ns;
            return true;
        }
    return false;
}

static size_t span(struct str s, char lo, char hi)
{
    size_t i = 0;
    while (i < s.n && s.p[i] >= lo && s.p[i] <= hi)
        i++;
    return i;
}

static struct str skip(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

enum err duration_parse(struct str s, int64_t *ret_ns)
{
    const int64_t most = 366 * 86400 * NS_PER_S;
    int64_t total = 0;
    if (s.n == 0)
        return ERR_INVALID;
    while (s.n > 0) {
        uint64_t count;
        int64_t unit, part;
        size_t digits = span(s, '0', '9');
        TRY(str_to_u64((struct str){s.p, digits}, &count));
        s = skip(s, digits);
        size_t letters = span(s, 'a', 'z');
        if (!unit_of((struct str){s.p, letters}, &unit))
            return ERR_INVALID;
        s = skip(s, letters);
        if (count > (uint64_t)most || __builtin_mul_overflow((int64_t)count, unit, &part) ||
            __builtin_add_overflow(total, part, &total) || total > most)
            return ERR_LIMIT;
    }
    *ret_ns = total;
    return ERR_OK;
}

struct str duration_text(int64_t ns, char out[static CLOCK_TEXT])
{
    size_t n = 0;
    bool sub_second = ns > -NS_PER_S && ns < NS_PER_S && ns != 0;
    if (ns < 0) {
        out[n++] = '-';
        ns = -ns;
    }
    if (sub_second)
        return (struct str){out, n + (size_t)snprintf(out + n, CLOCK_TEXT - n, "%dms",
                                                      (int)(ns / NS_PER_MS))};
    size_t start = n;
    int shown = 0;
    for (size_t i = ARRAY_LEN(units) - 1; i > 0 && shown < 2; i--) {
        int64_t count = ns / units[i].ns;
        if (count == 0 && (shown == 0 || i == 1))
            continue;
        if (count == 0)
            break;
        n += (size_t)snprintf(out + n, CLOCK_TEXT - n, "%lld%s", (long long)count, units[i].name);
        ns %= units[i].ns;
        shown++;
    }
    if (n == start)
        n += (size_t)snprintf(out + n, CLOCK_TEXT - n, "0s");
    return (struct str){out, n};
}
