/*
 * SHA-256 (FIPS 180-4) and text forms of bytes. A digest identifies an action: what was shown, what
 * was voted on and what is released carry the same one.
 */
#pragma once

#include "base/buf.h"

enum { DIGEST_SIZE = 32, DIGEST_HEX = 64 };

struct digest {
    unsigned char b[DIGEST_SIZE];
};

/* Never fails for a working OpenSSL; a broken one aborts the process, since nothing may go on then. */
struct digest digest_of(struct str s);
struct digest digest_of2(struct str a, struct str b); /* of a followed by b */

/* In constant time. */
bool digest_eq(const struct digest *a, const struct digest *b);

/* Lower-case hex, out NUL-terminated. */
struct str digest_hex(const struct digest *d, char out[static DIGEST_HEX + 1]);
MUST_USE enum err digest_parse(struct str hex, struct digest *ret);

/* Hex and base64 (RFC 4648, with padding) of any bytes, appended. */
MUST_USE enum err hex_put(struct buf *b, struct str s);
MUST_USE enum err base64_put(struct buf *b, struct str s);
MUST_USE enum err base64_decode(struct str s, struct buf *ret); /* strict: ERR_INVALID */
/* base64url without padding (RFC 4648 section 5, RFC 7515 appendix C); as strict. */
MUST_USE enum err base64url_put(struct buf *b, struct str s);
MUST_USE enum err base64url_decode(struct str s, struct buf *ret);

/* n random bytes from the kernel. ERR_IO where it gives none. */
MUST_USE enum err random_bytes(void *out, size_t n);
