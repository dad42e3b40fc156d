#include "policy/cel/func.h"

#include "policy/cel/time.h"

/* The civil time of args[0] in the zone args[1], or in UTC; false: no such zone. */
static bool civil_in(const struct cel_value *args, uint32_t n, struct civil *ret)
{
    int32_t offset = 0;
    if (n == 2 && !zone_offset(cel_str(args[1]), args[0].i, &offset))
        return false;
    *ret = calendar_of(args[0].i + offset);
    return true;
}

static struct cel_value no_zone(struct cel_eval *e, const struct cel_value *args)
{
    struct str s = cel_str(args[1]);
    return cel_fail(e, CEL_E_INVALID, "no time zone '%.*s'", STR_FMT(s.n <= 40 ? s : str_from(s.p, 40)));
}

#define DATE_FUNCTION(name, expression)                                                            \
    struct cel_value name(struct cel_eval *e, const struct cel_value *args, uint32_t n)            \
    {                                                                                              \
        struct civil c;                                                                            \
        return civil_in(args, n, &c) ? cel_int(expression) : no_zone(e, args);                     \
    }

DATE_FUNCTION(fn_get_date, c.day)
DATE_FUNCTION(fn_get_day_of_month, c.day - 1)
DATE_FUNCTION(fn_get_day_of_week, c.weekday)
DATE_FUNCTION(fn_get_day_of_year, c.yearday)
DATE_FUNCTION(fn_get_full_year, c.year)
DATE_FUNCTION(fn_get_month, c.month - 1)

/* Of a duration the whole amount in that unit; of a timestamp the part of its clock. */
#define CLOCK_FUNCTION(name, expression, unit)                                                     \
    struct cel_value name(struct cel_eval *e, const struct cel_value *args, uint32_t n)            \
    {                                                                                              \
        struct civil c;                                                                            \
        if (cel_is(args[0], CEL_DURATION))                                                         \
            return cel_int(args[0].i / (unit));                                                    \
        return civil_in(args, n, &c) ? cel_int(expression) : no_zone(e, args);                     \
    }

CLOCK_FUNCTION(fn_get_hours, c.hour, 3600000000000)
CLOCK_FUNCTION(fn_get_minutes, c.minute, 60000000000)
CLOCK_FUNCTION(fn_get_seconds, c.second, 1000000000)

/* Of a duration the milliseconds within its second. */
struct cel_value fn_get_milliseconds(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct civil c;
    if (cel_is(args[0], CEL_DURATION))
        return cel_int(args[0].i / 1000000 % 1000);
    return civil_in(args, n, &c) ? cel_int((int64_t)(args[0].meta >> 32) / 1000000) : no_zone(e, args);
}
