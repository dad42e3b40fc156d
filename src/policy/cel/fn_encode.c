/* Base64: RFC 4648 section 4, with or without padding when read. */
#include "policy/cel/func.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct cel_value fn_base64_encode(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]);
    size_t length = (s.n + 2) / 3 * 4;
    char *out = eval_alloc(e, length);
    (void)n;
    if (out == NULL)
        return eval_refused(e);
    for (size_t i = 0, o = 0; i < s.n; i += 3, o += 4) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            out[o + k] = i + k <= s.n ? alphabet[group >> (18 - 6 * k) & 63] : '=';
    }
    return cel_string(str_from(out, length));
}

static struct cel_value bad_base64(struct cel_eval *e)
{
    return cel_fail(e, CEL_E_INVALID, "the text is not base64");
}

struct cel_value fn_base64_decode(struct cel_eval *e, const struct cel_value *args, uint32_t n)
{
    struct str s = cel_str(args[0]);
    size_t filled = 0;
    uint32_t group = 0;
    (void)n;
    if (s.n % 4 == 0 && s.n > 0 && s.p[s.n - 1] == '=')
        s.n -= s.p[s.n - 2] == '=' ? 2 : 1;
    if (s.n % 4 == 1)
        return bad_base64(e);
    char *out = eval_alloc(e, s.n / 4 * 3 + 3);
    if (out == NULL)
        return eval_refused(e);
    for (size_t i = 0; i < s.n; i++) {
        const char *at = s.p[i] != '\0' ? strchr(alphabet, s.p[i]) : NULL;
        if (at == NULL)
            return bad_base64(e);
        group = group << 6 | (uint32_t)(at - alphabet);
        if (i % 4 != 0)
            out[filled++] = (char)(group >> (6 - 2 * (i % 4)));
    }
    return cel_bytes(str_from(out, filled));
}
