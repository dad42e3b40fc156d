#include "base/canonical.h"
#include "base/limits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void canonical_init(struct canonical *c, enum canonical_integers integers)
{
    *c = (struct canonical){.integers = integers};
    buf_init(&c->stack, 64 * MIB);
    buf_init(&c->sorted, 64 * MIB);
}

void canonical_done(struct canonical *c)
{
    buf_done(&c->stack);
    buf_done(&c->sorted);
}

static enum err put_value(struct canonical *c);

static void skip_blanks(struct canonical *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool take(struct canonical *c, char want)
{
    skip_blanks(c);
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

/* --- Strings (RFC 8785, section 3.2.2.2) ------------------------------------------------------ */

static enum err put_code_point(struct buf *out, uint32_t c)
{
    char s[4];
    size_t n = 0;
    if (c < 0x80) {
        s[n++] = (char)c;
    } else if (c < 0x800) {
        s[n++] = (char)(0xc0 | c >> 6);
        s[n++] = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        s[n++] = (char)(0xe0 | c >> 12);
        s[n++] = (char)(0x80 | (c >> 6 & 63));
        s[n++] = (char)(0x80 | (c & 63));
    } else {
        s[n++] = (char)(0xf0 | c >> 18);
        s[n++] = (char)(0x80 | (c >> 12 & 63));
        s[n++] = (char)(0x80 | (c >> 6 & 63));
        s[n++] = (char)(0x80 | (c & 63));
    }
    return buf_put(out, s, n);
}

/* An ASCII character that a string may not hold as it is, or that came escaped. */
static enum err put_ascii(struct buf *out, char ch)
{
    static const char plain[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
    const char *at = memchr(plain, ch, sizeof(plain) - 1);
    if (at != NULL) {
        char two[2] = {'\\', letters[at - plain]};
        return buf_put(out, two, 2);
    }
    if ((unsigned char)ch < 0x20)
        return buf_printf(out, "\\u%04x", (unsigned)(unsigned char)ch);
    return buf_put(out, &ch, 1);
}

static int hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    if (ch >= 'a' && ch <= 'f')
        return ch - 'a' + 10;
    return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

static bool take_four_hex(struct canonical *c, uint32_t *ret)
{
    uint32_t v = 0;
    if (c->end - c->p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(*c->p++);
        if (d < 0)
            return false;
        v = v << 4 | (uint32_t)d;
    }
    *ret = v;
    return true;
}

static enum err put_unicode_escape(struct canonical *c)
{
    uint32_t v, low;
    if (!take_four_hex(c, &v))
        return ERR_INVALID;
    if (v < 0x80)
        return put_ascii(c->out, (char)v);
    if (v >= 0xdc00 && v < 0xe000)
        return ERR_INVALID;
    if (v >= 0xd800 && v < 0xdc00) {
        if (c->end - c->p < 6 || c->p[0] != '\\' || c->p[1] != 'u')
            return ERR_INVALID;
        c->p += 2;
        if (!take_four_hex(c, &low) || low < 0xdc00 || low > 0xdfff)
            return ERR_INVALID;
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_code_point(c->out, v);
}

static enum err put_escape(struct canonical *c)
{
    static const char letters[] = "btnfr\"\\/", plain[] = "\b\t\n\f\r\"\\/";
    if (c->p == c->end)
        return ERR_INVALID;
    char ch = *c->p++;
    if (ch == 'u')
        return put_unicode_escape(c);
    const char *at = memchr(letters, ch, sizeof(letters) - 1);
    return at != NULL ? put_ascii(c->out, plain[at - letters]) : ERR_INVALID;
}

/* Behind the opening quotation mark, which is taken. */
static enum err put_string(struct canonical *c)
{
    TRY(buf_put(c->out, "\"", 1));
    for (;;) {
        const char *start = c->p;
        while (c->p < c->end && (unsigned char)*c->p >= 0x20 && *c->p != '"' && *c->p != '\\')
            c->p++;
        TRY(buf_put(c->out, start, (size_t)(c->p - start)));
        if (c->p == c->end || (unsigned char)*c->p < 0x20)
            return ERR_INVALID;
        if (*c->p++ == '"')
            return buf_put(c->out, "\"", 1);
        TRY(put_escape(c));
    }
}

/* --- Numbers (ECMA-262, Number::toString) ----------------------------------------------------- */

/* The fewest digits that give the same double again, and the exponent of the first one. */
static size_t shortest_digits(double v, char digits[static 20], int *ret_exponent)
{
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    char *e = strchr(text, 'e');
    size_t n = 0;
    *ret_exponent = (int)strtol(e + 1, NULL, 10);
    for (char *p = text; p < e; p++)
        if (*p != '.')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

static enum err put_zeros(struct buf *out, int n)
{
    for (; n > 0; n--)
        TRY(buf_put(out, "0", 1));
    return ERR_OK;
}

static enum err put_double(struct buf *out, double v)
{
    char d[20];
    int exponent;
    if (v == 0)
        return buf_put(out, "0", 1);
    if (v < 0)
        TRY(buf_put(out, "-", 1));
    size_t n = shortest_digits(fabs(v), d, &exponent);
    int point = exponent + 1; /* digits before the decimal point */
    if (point > 0 && point <= 21) {
        if ((int)n <= point) {
            TRY(buf_put(out, d, n));
            return put_zeros(out, point - (int)n);
        }
        TRY(buf_put(out, d, (size_t)point));
        TRY(buf_put(out, ".", 1));
        return buf_put(out, d + point, n - (size_t)point);
    }
    if (point > -6 && point <= 0) {
        TRY(buf_put(out, "0.", 2));
        TRY(put_zeros(out, -point));
        return buf_put(out, d, n);
    }
    TRY(buf_put(out, d, 1));
    if (n > 1) {
        TRY(buf_put(out, ".", 1));
        TRY(buf_put(out, d + 1, n - 1));
    }
    return buf_printf(out, "e%c%d", exponent < 0 ? '-' : '+', abs(exponent));
}

static bool take_digits(struct canonical *c)
{
    const char *start = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    return c->p > start;
}

/* RFC 8259, section 6. *ret_integer: neither fraction nor exponent. */
static bool scan_number(struct canonical *c, bool *ret_integer)
{
    *ret_integer = true;
    if (c->p < c->end && *c->p == '-')
        c->p++;
    if (c->p < c->end && *c->p == '0')
        c->p++;
    else if (!take_digits(c))
        return false;
    if (c->p < c->end && *c->p == '.') {
        *ret_integer = false;
        c->p++;
        if (!take_digits(c))
            return false;
    }
    if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
        *ret_integer = false;
        c->p++;
        if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
            c->p++;
        return take_digits(c);
    }
    return true;
}

/* Whether every integer of so many digits is exact in a double: 2^53 - 1 has sixteen. */
static bool surely_exact(struct str digits)
{
    return digits.n - (digits.p[0] == '-') <= 15 && !str_is(digits, "-0");
}

static enum err put_number(struct canonical *c)
{
    const double most = 9007199254740991.0;
    const char *start = c->p;
    bool integer;
    char *z;
    if (!scan_number(c, &integer))
        return ERR_INVALID;
    struct str s = {start, (size_t)(c->p - start)};
    if (integer && surely_exact(s))
        return buf_put_str(c->out, s);
    if ((z = str_dupz(s)) == NULL)
        return ERR_NOMEM;
    double v = strtod(z, NULL);
    free(z);
    if (integer && fabs(v) > most && c->integers == CANONICAL_AS_STRING) {
        TRY(buf_put(c->out, "\"", 1));
        TRY(buf_put_str(c->out, s));
        return buf_put(c->out, "\"", 1);
    }
    return isfinite(v) ? put_double(c->out, v) : ERR_INVALID;
}

/* --- Objects: order (RFC 8785, section 3.2.3) -------------------------------------------------- */

/* The next UTF-16 code unit of a canonical string; *pending holds the second half of a pair. 0 at the
 * closing quotation mark (no name needs U+0000 itself to sort: it is escaped, and given as 1 + 0). */
static uint32_t next_unit(const char **p, uint32_t *pending)
{
    const unsigned char *s = (const unsigned char *)*p;
    uint32_t v;
    if (*pending != 0) {
        v = *pending;
        *pending = 0;
        return v + 1;
    }
    if (*s == '"')
        return 0;
    if (*s == '\\') {
        static const char letters[] = "btnfr\"\\", plain[] = "\b\t\n\f\r\"\\";
        if (s[1] == 'u') {
            v = (uint32_t)(hex_digit((char)s[4]) << 4 | hex_digit((char)s[5]));
            *p += 6;
        } else {
            v = (uint32_t)(unsigned char)plain[strchr(letters, s[1]) - letters];
            *p += 2;
        }
    } else if (*s < 0x80) {
        v = *s;
        *p += 1;
    } else if (*s < 0xe0) {
        v = (uint32_t)(s[0] & 31) << 6 | (s[1] & 63u);
        *p += 2;
    } else if (*s < 0xf0) {
        v = (uint32_t)(s[0] & 15) << 12 | (uint32_t)(s[1] & 63) << 6 | (s[2] & 63u);
        *p += 3;
    } else {
        v = (uint32_t)(s[0] & 7) << 18 | (uint32_t)(s[1] & 63) << 12 | (uint32_t)(s[2] & 63) << 6 |
            (s[3] & 63u);
        *p += 4;
        *pending = 0xdc00 + (v & 0x3ff);
        v = 0xd800 + ((v - 0x10000) >> 10);
    }
    return v + 1;
}

/* Both with their quotation marks. */
static int compare_names(struct str a, struct str b)
{
    const char *p = a.p + 1, *q = b.p + 1;
    uint32_t more_p = 0, more_q = 0, u, v;
    while (*p == *q && *p >= '0' && *p <= 'z' && *p != '\\') {
        p++;
        q++;
    }
    do {
        u = next_unit(&p, &more_p);
        v = next_unit(&q, &more_q);
    } while (u == v && u != 0);
    return u < v ? -1 : u > v;
}

/* The members on top of the stack, from byte `from` of it on. */
static struct canonical_member *members_from(struct canonical *c, size_t from, size_t *ret_n)
{
    struct str s = buf_view(&c->stack);
    *ret_n = (s.n - from) / sizeof(struct canonical_member);
    return (struct canonical_member *)(void *)(c->stack.p + c->stack.off + from);
}

static int compare_members(const void *a, const void *b, void *base)
{
    const struct canonical_member *x = a, *y = b;
    const char *p = base;
    return compare_names((struct str){p + x->at, x->name_n}, (struct str){p + y->at, y->name_n});
}

/* Puts the members, which follow each other from `start` of the output on, into their order. */
static enum err sort_members(struct canonical *c, size_t start, size_t from)
{
    size_t n;
    struct canonical_member *list = members_from(c, from, &n);
    char *base = c->out->p + c->out->off + c->start;
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = compare_members(&list[i - 1], &list[i], base) < 0;
    if (sorted)
        return ERR_OK;
    qsort_r(list, n, sizeof(*list), compare_members, base);
    for (size_t i = 1; i < n; i++)
        if (compare_members(&list[i - 1], &list[i], base) == 0)
            return ERR_INVALID; /* RFC 7493, section 2.3: a name comes once */
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            TRY(buf_put(&c->sorted, ",", 1));
        size_t at = start + buf_len(&c->sorted);
        TRY(buf_put(&c->sorted, base + list[i].at, list[i].n));
        list[i].at = at;
    }
    return ERR_OK;
}

static enum err put_member(struct canonical *c)
{
    struct canonical_member m = {.at = buf_len(c->out) - c->start};
    if (!take(c, '"'))
        return ERR_INVALID;
    TRY(put_string(c));
    m.name_n = buf_len(c->out) - c->start - m.at;
    if (!take(c, ':'))
        return ERR_INVALID;
    TRY(buf_put(c->out, ":", 1));
    TRY(put_value(c));
    m.n = buf_len(c->out) - c->start - m.at;
    return buf_put(&c->stack, &m, sizeof(m));
}

static enum err put_object(struct canonical *c)
{
    size_t from = buf_len(&c->stack);
    TRY(buf_put(c->out, "{", 1));
    size_t start = buf_len(c->out) - c->start;
    if (!take(c, '}')) {
        do {
            if (buf_len(&c->stack) != from)
                TRY(buf_put(c->out, ",", 1));
            TRY(put_member(c));
        } while (take(c, ','));
        if (!take(c, '}'))
            return ERR_INVALID;
    }
    buf_clear(&c->sorted);
    TRY(sort_members(c, start, from));
    if (buf_len(&c->sorted) != 0)
        memcpy(c->out->p + c->out->off + c->start + start, buf_view(&c->sorted).p, buf_len(&c->sorted));
    if (c->depth > 1)
        buf_truncate(&c->stack, from);
    return buf_put(c->out, "}", 1);
}

static enum err put_array(struct canonical *c)
{
    TRY(buf_put(c->out, "[", 1));
    if (!take(c, ']')) {
        for (;;) {
            TRY(put_value(c));
            if (!take(c, ','))
                break;
            TRY(buf_put(c->out, ",", 1));
        }
        if (!take(c, ']'))
            return ERR_INVALID;
    }
    return buf_put(c->out, "]", 1);
}

/* --- Values ----------------------------------------------------------------------------------- */

static enum err put_word(struct canonical *c, struct str word)
{
    if (!str_starts((struct str){c->p, (size_t)(c->end - c->p)}, word))
        return ERR_INVALID;
    c->p += word.n;
    return buf_put_str(c->out, word);
}

static enum err put_nested(struct canonical *c)
{
    if (c->depth == LIMIT_JSON_DEPTH)
        return ERR_LIMIT;
    c->depth++;
    enum err e = *c->p++ == '{' ? put_object(c) : put_array(c);
    c->depth--;
    return e;
}

static enum err put_value(struct canonical *c)
{
    skip_blanks(c);
    if (c->p == c->end)
        return ERR_INVALID;
    switch (*c->p) {
    case '{':
    case '[':
        return put_nested(c);
    case '"':
        c->p++;
        return put_string(c);
    case 't':
        return put_word(c, STR("true"));
    case 'f':
        return put_word(c, STR("false"));
    case 'n':
        return put_word(c, STR("null"));
    default:
        return put_number(c);
    }
}

static enum err put_whole(struct canonical *c)
{
    TRY(put_value(c));
    skip_blanks(c);
    return c->p == c->end ? ERR_OK : ERR_INVALID;
}

enum err canonical_put(struct canonical *c, struct str json, struct buf *out)
{
    c->out = out;
    c->start = buf_len(out);
    c->p = json.p;
    c->end = json.p != NULL ? json.p + json.n : NULL;
    c->depth = 0;
    buf_clear(&c->stack);
    enum err e = str_is_utf8(json) ? put_whole(c) : ERR_INVALID;
    c->members = NULL;
    c->n_members = 0;
    if (e != ERR_OK) {
        buf_truncate(out, c->start);
        return e;
    }
    if (out->p[out->off + c->start] == '{')
        c->members = members_from(c, 0, &c->n_members);
    return ERR_OK;
}
