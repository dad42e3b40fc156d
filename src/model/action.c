#include "model/action.h"

static const char *const kinds[] = {
    [ACTION_SQL] = "sql",   [ACTION_COMMAND] = "command", [ACTION_TOOL] = "tool",
    [ACTION_HTTP] = "http", [ACTION_DEPLOY] = "deploy",
    [ACTION_POLICY] = "policy",
};

const char *action_kind_text(enum action_kind k)
{
    return k > 0 && (size_t)k < ARRAY_LEN(kinds) ? kinds[k] : "invalid";
}

enum err action_kind_parse(struct str s, enum action_kind *ret)
{
    for (size_t i = 1; i < ARRAY_LEN(kinds); i++)
        if (str_is(s, kinds[i])) {
            *ret = (enum action_kind)i;
            return ERR_OK;
        }
    return ERR_INVALID;
}
