#include "base/address.h"

static enum err port_parse(struct str s, uint16_t *ret)
{
    uint64_t v;
    if (str_to_u64(s, &v) != ERR_OK || v == 0 || v > UINT16_MAX)
        return ERR_INVALID;
    *ret = (uint16_t)v;
    return ERR_OK;
}

/* The colon before the port: the last one, unless it belongs to an IPv6 address in brackets. */
static size_t port_colon(struct str s)
{
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == ']')
            return s.n;
        if (s.p[i - 1] == ':')
            return i - 1;
    }
    return s.n;
}

enum err address_parse(struct str s, uint16_t default_port, struct address *ret)
{
    struct address a = {.port = default_port};
    if (str_starts(s, STR("unix:"))) {
        a.host = (struct str){s.p + 5, s.n - 5};
        a.is_unix = true;
        a.port = 0;
        if (a.host.n == 0 || a.host.p[0] != '/')
            return ERR_INVALID;
        *ret = a;
        return ERR_OK;
    }
    size_t colon = port_colon(s);
    if (colon < s.n)
        TRY(port_parse((struct str){s.p + colon + 1, s.n - colon - 1}, &a.port));
    a.host = (struct str){s.p, colon};
    if (a.host.n > 2 && a.host.p[0] == '[' && a.host.p[a.host.n - 1] == ']')
        a.host = (struct str){a.host.p + 1, a.host.n - 2};
    if (a.host.n == 0 || a.port == 0)
        return ERR_INVALID;
    *ret = a;
    return ERR_OK;
}
