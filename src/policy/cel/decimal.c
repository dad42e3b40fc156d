#include "policy/cel/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t special(double d, char *out, const char *infinity)
{
    return (size_t)snprintf(out, DOUBLE_TEXT_SIZE, "%s%s", isnan(d) ? "NaN" : d < 0 ? "-" : "",
                            isnan(d) ? "" : infinity);
}

/* "d.ddde±xx" with the fewest digits that read back; how many digits stand after the point. */
static int shortest(double d, char out[static 40])
{
    for (int digits = 0; digits < 17; digits++) {
        snprintf(out, 40, "%.*e", digits, d);
        if (strtod(out, NULL) == d)
            return digits;
    }
    return 17;
}

size_t cel_double_text(double d, char out[static DOUBLE_TEXT_SIZE])
{
    char text[40];
    if (!isfinite(d))
        return special(d, out, d > 0 ? "+Inf" : "Inf");
    int digits = shortest(d, text);
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent < -4 || exponent >= 21)
        return (size_t)snprintf(out, DOUBLE_TEXT_SIZE, "%s", text);
    int places = digits - exponent;
    return (size_t)snprintf(out, DOUBLE_TEXT_SIZE, "%.*f", places > 0 ? places : 0, d);
}

size_t cel_double_plain(double d, char out[static DOUBLE_TEXT_SIZE])
{
    char text[40];
    if (!isfinite(d))
        return special(d, out, "Infinity");
    int places = shortest(d, text) - atoi(strchr(text, 'e') + 1);
    return (size_t)snprintf(out, DOUBLE_TEXT_SIZE, "%.*f", places > 0 ? places : 0, d);
}

bool cel_double_parse(struct str s, double *ret)
{
    char text[DOUBLE_TEXT_SIZE], *end;
    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n) != NULL ||
        memchr(s.p, '(', s.n) != NULL || (unsigned char)s.p[0] <= ' ')
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *ret = strtod(text, &end);
    return end == text + s.n && !(isinf(*ret) && memchr(s.p, 'n', s.n) == NULL &&
                                  memchr(s.p, 'N', s.n) == NULL);
}
