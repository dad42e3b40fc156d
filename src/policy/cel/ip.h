/* IP addresses and networks in text: RFC 4291 section 2.2, canonical form RFC 5952. */
#pragma once

#include "policy/cel/value.h"

/* IPv4 dotted or IPv6; no zones, no IPv4-mapped IPv6 in dotted form. False: not an address. */
bool cel_ip_parse(struct str text, struct cel_ip *ret);

/* address/prefix. False: not a network. */
bool cel_cidr_parse(struct str text, struct cel_ip *ret);

enum { IP_TEXT_SIZE = 48 };

/* The canonical text; with the prefix for a network. Returns its length. */
size_t cel_ip_text(const struct cel_ip *ip, bool with_prefix, char out[static IP_TEXT_SIZE]);

/* Whether the first `bits` bits agree; the families must. */
bool cel_ip_same_prefix(const struct cel_ip *a, const struct cel_ip *b, unsigned bits);
