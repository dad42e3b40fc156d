#include "cmd/when.h"

#include "policy/cel/time.h"

#include <stdio.h>

static enum err timestamp(struct str text, int64_t *ret_ns)
{
    int64_t seconds;
    uint32_t nanos;
    if (!cel_time_parse(text, &seconds, &nanos) || seconds > INT64_MAX / NS_PER_S - 1 ||
        seconds < INT64_MIN / NS_PER_S + 1)
        return ERR_INVALID;
    *ret_ns = seconds * NS_PER_S + nanos;
    return ERR_OK;
}

enum err when_parse(struct str text, int64_t now_ns, int64_t *ret_ns)
{
    char day[32];
    int64_t ago;
    if (duration_parse(text, &ago) == ERR_OK) {
        *ret_ns = now_ns - ago;
        return ERR_OK;
    }
    if (text.n != 10)
        return timestamp(text, ret_ns);
    (void)snprintf(day, sizeof(day), "%.*sT00:00:00Z", STR_FMT(text));
    return timestamp(str_of(day), ret_ns);
}

struct str when_text(int64_t wall_ns, char out[static CLOCK_TEXT])
{
    struct str s = clock_text(wall_ns, out);
    if (s.n < 19)
        return s;
    out[10] = ' ';
    return str_from(out, 19);
}
