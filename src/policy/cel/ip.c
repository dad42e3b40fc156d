#include "policy/cel/ip.h"

#include <stdio.h>

/* One decimal number up to `max`, without leading zeros. */
static bool decimal(struct str s, unsigned max, uint8_t *ret)
{
    uint64_t v;
    if (s.n == 0 || s.n > 3 || (s.n > 1 && s.p[0] == '0') || str_to_u64(s, &v) != ERR_OK || v > max)
        return false;
    *ret = (uint8_t)v;
    return true;
}

static bool parse_v4(struct str text, struct cel_ip *ip)
{
    struct str part, rest = text;
    for (int i = 0; i < 3; i++)
        if (!str_cut(rest, '.', &part, &rest) || !decimal(part, 255, &ip->bytes[i]))
            return false;
    ip->family = 4;
    ip->prefix = 32;
    return decimal(rest, 255, &ip->bytes[3]);
}

static bool parse_group(struct str s, uint8_t out[2])
{
    unsigned v = 0;
    if (s.n == 0 || s.n > 4)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return false;
        v = v << 4 | (unsigned)d;
    }
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
    return true;
}

/* Groups separated by single colons: how many, or -1. The empty text has none. */
static int parse_groups(struct str s, uint8_t *out, int most)
{
    int count = 0;
    if (s.n == 0)
        return 0;
    for (;;) {
        struct str head = s, tail = {NULL, 0};
        bool more = str_cut(s, ':', &head, &tail);
        if (count == most || !parse_group(head, out + (ptrdiff_t)2 * count))
            return -1;
        count++;
        if (!more)
            return count;
        s = tail;
    }
}

static bool parse_v6(struct str text, struct cel_ip *ip)
{
    uint8_t head[16], tail[16];
    const char *gap = text.n >= 2 ? memmem(text.p, text.n, "::", 2) : NULL;
    ip->family = 6;
    ip->prefix = 128;
    if (gap == NULL)
        return parse_groups(text, ip->bytes, 8) == 8;
    size_t at = (size_t)(gap - text.p);
    int before = parse_groups(str_from(text.p, at), head, 7);
    int after = parse_groups(str_from(gap + 2, text.n - at - 2), tail, 7);
    if (before < 0 || after < 0 || before + after > 7)
        return false;
    memset(ip->bytes, 0, 16);
    memcpy(ip->bytes, head, (size_t)before * 2);
    memcpy(ip->bytes + 16 - after * 2, tail, (size_t)after * 2);
    return true;
}

/* ::ffff:c0a8:1 and 192.168.0.1 are one address. */
static void unmap(struct cel_ip *ip)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (ip->family != 6 || memcmp(ip->bytes, mapped, 12) != 0)
        return;
    memmove(ip->bytes, ip->bytes + 12, 4);
    memset(ip->bytes + 4, 0, 12);
    ip->family = 4;
    ip->prefix = 32;
}

bool cel_ip_parse(struct str text, struct cel_ip *ret)
{
    struct cel_ip ip = {.family = 0};
    bool colon = text.n != 0 && memchr(text.p, ':', text.n) != NULL;
    if (!(colon ? parse_v6(text, &ip) : parse_v4(text, &ip)))
        return false;
    unmap(&ip);
    *ret = ip;
    return true;
}

bool cel_cidr_parse(struct str text, struct cel_ip *ret)
{
    struct str address, prefix;
    struct cel_ip ip = {.family = 0};
    if (!str_cut(text, '/', &address, &prefix))
        return false;
    bool colon = address.n != 0 && memchr(address.p, ':', address.n) != NULL;
    if (!(colon ? parse_v6(address, &ip) : parse_v4(address, &ip)) ||
        !decimal(prefix, ip.prefix, &ip.prefix))
        return false;
    *ret = ip;
    return true;
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952, 4.2). */
static void longest_zeros(const struct cel_ip *ip, int *ret_start, int *ret_length)
{
    *ret_start = -1;
    *ret_length = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && ip->bytes[2 * (i + n)] == 0 && ip->bytes[2 * (i + n) + 1] == 0)
            n++;
        if (n > *ret_length) {
            *ret_start = i;
            *ret_length = n;
        }
    }
}

size_t cel_ip_text(const struct cel_ip *ip, bool with_prefix, char out[static IP_TEXT_SIZE])
{
    const uint8_t *b = ip->bytes;
    int n = 0, start, length;
    if (ip->family == 4) {
        n = snprintf(out, IP_TEXT_SIZE, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    } else {
        longest_zeros(ip, &start, &length);
        for (int i = 0; i < 8; i++) {
            if (i == start) {
                n += snprintf(out + n, (size_t)(IP_TEXT_SIZE - n), "::");
                i += length - 1;
                continue;
            }
            bool colon = i != 0 && i != start + (start < 0 ? 0 : length);
            n += snprintf(out + n, (size_t)(IP_TEXT_SIZE - n), "%s%x", colon ? ":" : "",
                          (unsigned)b[2 * i] << 8 | b[2 * i + 1]);
        }
    }
    if (with_prefix)
        n += snprintf(out + n, (size_t)(IP_TEXT_SIZE - n), "/%u", ip->prefix);
    return (size_t)n;
}

bool cel_ip_same_prefix(const struct cel_ip *a, const struct cel_ip *b, unsigned bits)
{
    if (a->family != b->family)
        return false;
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}
