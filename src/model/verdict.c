#include "model/verdict.h"

static const struct {
    enum verdict v;
    const char *text;
    int strength;
} verdicts[] = {{VERDICT_ALLOW, "allow", 1}, {VERDICT_HOLD, "hold", 2}, {VERDICT_DENY, "deny", 3}};

const char *verdict_text(enum verdict v)
{
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (verdicts[i].v == v)
            return verdicts[i].text;
    return "invalid";
}

enum err verdict_parse(struct str s, enum verdict *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (str_is(s, verdicts[i].text)) {
            *ret = verdicts[i].v;
            return ERR_OK;
        }
    return ERR_INVALID;
}

static int strength(enum verdict v)
{
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (verdicts[i].v == v)
            return verdicts[i].strength;
    return 4;
}

enum verdict verdict_max(enum verdict a, enum verdict b)
{
    enum verdict stronger = strength(a) >= strength(b) ? a : b;
    return strength(stronger) > 3 ? VERDICT_DENY : stronger;
}
