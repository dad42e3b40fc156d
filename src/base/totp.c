#include "base/totp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

void totp_code(const unsigned char secret[static TOTP_SECRET], uint64_t step, char out[static TOTP_DIGITS + 1])
{
    unsigned char counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    for (int i = 0; i < 8; i++)
        counter[i] = (unsigned char)(step >> (56 - 8 * i));
    if (HMAC(EVP_sha1(), secret, TOTP_SECRET, counter, sizeof(counter), mac, &n) == NULL || n != 20)
        abort(); /* nothing may go on with a broken OpenSSL */
    /* Dynamic truncation, RFC 4226 §5.3. */
    unsigned at = mac[19] & 0xf;
    uint32_t v = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
                 (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    (void)snprintf(out, TOTP_DIGITS + 1, "%06u", v % 1000000);
    OPENSSL_cleanse(mac, sizeof(mac));
}

bool totp_check(const unsigned char secret[static TOTP_SECRET], struct str code, int64_t now_s,
                uint64_t last_step, uint64_t *ret_step)
{
    char want[TOTP_DIGITS + 1];
    uint64_t now = now_s < 0 ? 0 : (uint64_t)now_s / TOTP_STEP_S, found = 0;
    if (code.n != TOTP_DIGITS)
        return false;
    for (uint64_t step = now > TOTP_DRIFT ? now - TOTP_DRIFT : 1; step <= now + TOTP_DRIFT; step++) {
        totp_code(secret, step, want);
        bool same = CRYPTO_memcmp(want, code.p, TOTP_DIGITS) == 0;
        if (same && step > last_step)
            found = step;
    }
    OPENSSL_cleanse(want, sizeof(want));
    if (found == 0)
        return false;
    *ret_step = found;
    return true;
}

enum err base32_put(struct buf *out, struct str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bits = bits << 8 | (unsigned char)s.p[i];
        for (n += 8; n >= 5; n -= 5)
            TRY(buf_put_u8(out, (uint8_t)digits[bits >> (n - 5) & 31]));
    }
    return n != 0 ? buf_put_u8(out, (uint8_t)digits[bits << (5 - n) & 31]) : ERR_OK;
}
