#include "model/grant.h"

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
