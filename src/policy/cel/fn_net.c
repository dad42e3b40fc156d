#include "policy/cel/func.h"

#include "policy/cel/ip.h"

static struct cel_value make(struct cel_eval *e, enum cel_kind kind, const struct cel_ip *ip)
{
    struct cel_ip *copy = eval_alloc(e, sizeof(*copy));
    if (copy == NULL)
        return eval_refused(e);
    *copy = *ip;
    return (struct cel_value){.meta = (uint64_t)kind, .ip = copy};
}

static struct cel_value not_an(struct cel_eval *e, struct cel_value text, const char *what)
{
    struct str s = cel_str(text);
    return cel_fail(e, CEL_E_INVALID, "'%.*s' is no %s", STR_FMT(s.n <= 50 ? s : str_from(s.p, 50)), what);
}

/* ip(string) and cidr.ip(). */
struct cel_value fn_ip(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_ip ip;
    (void)n;
    if (cel_is(args[0], CEL_CIDR))
        return make(e, CEL_IP, args[0].ip);
    return cel_ip_parse(cel_str(args[0]), &ip) ? make(e, CEL_IP, &ip) : not_an(e, args[0], "IP address");
}

struct cel_value fn_cidr(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_ip ip;
    (void)n;
    return cel_cidr_parse(cel_str(args[0]), &ip) ? make(e, CEL_CIDR, &ip) : not_an(e, args[0], "network");
}

struct cel_value fn_is_ip(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_ip ip;
    (void)e, (void)n;
    return cel_bool(cel_ip_parse(cel_str(args[0]), &ip));
}

struct cel_value fn_is_cidr(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_ip ip;
    (void)e, (void)n;
    return cel_bool(cel_cidr_parse(cel_str(args[0]), &ip));
}

struct cel_value fn_ip_is_canonical(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_ip ip;
    char text[IP_TEXT_SIZE];
    (void)n;
    if (!cel_ip_parse(cel_str(args[0]), &ip))
        return not_an(e, args[0], "IP address");
    return cel_bool(str_eq(cel_str(args[0]), str_from(text, cel_ip_text(&ip, false, text))));
}

struct cel_value fn_family(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return cel_int(args[0].ip->family);
}

static bool within(const struct cel_ip *ip, const char *network)
{
    struct cel_ip net;
    return cel_cidr_parse(str_of(network), &net) && cel_ip_same_prefix(ip, &net, net.prefix);
}

static bool is_unspecified(const struct cel_ip *ip)
{
    return within(ip, ip->family == 4 ? "0.0.0.0/32" : "::/128");
}

static bool is_loopback(const struct cel_ip *ip)
{
    return within(ip, ip->family == 4 ? "127.0.0.0/8" : "::1/128");
}

static bool is_multicast(const struct cel_ip *ip)
{
    return within(ip, ip->family == 4 ? "224.0.0.0/4" : "ff00::/8");
}

static bool is_link_local_unicast(const struct cel_ip *ip)
{
    return within(ip, ip->family == 4 ? "169.254.0.0/16" : "fe80::/10");
}

static bool is_link_local_multicast(const struct cel_ip *ip)
{
    if (ip->family == 4)
        return within(ip, "224.0.0.0/24");
    return ip->bytes[0] == 0xff && (ip->bytes[1] & 0x0f) == 2;
}

static bool is_global_unicast(const struct cel_ip *ip)
{
    return !is_unspecified(ip) && !is_loopback(ip) && !is_multicast(ip) &&
           !is_link_local_unicast(ip) && !(ip->family == 4 && within(ip, "255.255.255.255/32"));
}

#define IP_TEST(name, test)                                                                        \
    struct cel_value name(struct cel_eval *e, const struct cel_value *args, uint32_t n)            \
    {                                                                                              \
        (void)e, (void)n;                                                                          \
        return cel_bool(test(args[0].ip));                                                         \
    }

IP_TEST(fn_is_unspecified, is_unspecified)
IP_TEST(fn_is_loopback, is_loopback)
IP_TEST(fn_is_global_unicast, is_global_unicast)
IP_TEST(fn_is_link_local_multicast, is_link_local_multicast)
IP_TEST(fn_is_link_local_unicast, is_link_local_unicast)

struct cel_value fn_contains_ip(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_ip parsed;
    const struct cel_ip *ip = args[1].ip, *net = args[0].ip;
    (void)n;
    if (cel_is(args[1], CEL_STRING)) {
        if (!cel_ip_parse(cel_str(args[1]), &parsed))
            return not_an(e, args[1], "IP address");
        ip = &parsed;
    }
    return cel_bool(cel_ip_same_prefix(net, ip, net->prefix));
}

struct cel_value fn_contains_cidr(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_ip parsed;
    const struct cel_ip *other = args[1].ip, *net = args[0].ip;
    (void)n;
    if (cel_is(args[1], CEL_STRING)) {
        if (!cel_cidr_parse(cel_str(args[1]), &parsed))
            return not_an(e, args[1], "network");
        other = &parsed;
    }
    return cel_bool(net->prefix <= other->prefix && cel_ip_same_prefix(net, other, net->prefix));
}

struct cel_value fn_masked(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct cel_ip ip = *args[0].ip;
    (void)n;
    for (unsigned bit = ip.prefix; bit < (ip.family == 4 ? 32u : 128u); bit++)
        ip.bytes[bit / 8] &= (uint8_t)~(0x80u >> (bit % 8));
    return make(e, CEL_CIDR, &ip);
}

struct cel_value fn_prefix_length(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    (void)e, (void)n;
    return cel_int(args[0].ip->prefix);
}
