#include "model/grant.h"

#include "base/clock.h"

#include <stdio.h>

static const struct {
    const char *text;
    enum grant_kind kind;
} kinds[] = {{"once", GRANT_ONCE}, {"shape", GRANT_SHAPE}, {"session", GRANT_SESSION}};

const char *grant_kind_text(enum grant_kind k)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].kind == k)
            return kinds[i].text;
    return NULL;
}

enum err grant_kind_parse(struct str s, enum grant_kind *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_is(s, kinds[i].text)) {
            *ret = kinds[i].kind;
            return ERR_OK;
        }
    return ERR_INVALID;
}

struct str grant_choice_text(const struct grant_choice *c, char out[static GRANT_CHOICE_TEXT])
{
    const char *kind = grant_kind_text(c->kind);
    int n = snprintf(out, GRANT_CHOICE_TEXT, "%s", kind != NULL ? kind : "invalid");
    if (c->uses != 0)
        n += snprintf(out + n, (size_t)(GRANT_CHOICE_TEXT - n), " uses=%u", c->uses);
    if (c->for_ns != 0)
        n += snprintf(out + n, (size_t)(GRANT_CHOICE_TEXT - n), " for=%llds",
                      (long long)(c->for_ns / NS_PER_S));
    return (struct str){out, (size_t)n};
}
