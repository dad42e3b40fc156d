/* Literal tokens to values: numbers in range, strings without their escapes. */
#include "policy/cel/lex.h"
#include "policy/cel/utf8.h"

#include <errno.h>
#include <stdlib.h>

static bool refuse(struct lexer *l, uint32_t offset, uint32_t end, const char *message)
{
    cel_diagnose(l->c, CEL_LEVEL_ERROR, "literal", offset, end, NO_HINT, "%s", message);
    return false;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse_magnitude(struct str s, uint64_t *ret)
{
    bool hex = s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X');
    if (!hex)
        return str_to_u64(s, ret) == ERR_OK;
    uint64_t v = 0;
    for (size_t i = 2; i < s.n; i++) {
        if (v >> 60 != 0)
            return false;
        v = v << 4 | (uint64_t)hex_digit(s.p[i]);
    }
    *ret = v;
    return true;
}

static bool integer(struct lexer *l, bool negative, struct cel_value *ret)
{
    uint64_t v;
    if (!parse_magnitude(l->text, &v) || v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return refuse(l, l->offset, l->end, "the number does not fit an int (64 bits)");
    *ret = cel_int(negative ? (int64_t)(0 - v) : (int64_t)v);
    return true;
}

static bool unsigned_integer(struct lexer *l, struct cel_value *ret)
{
    uint64_t v;
    if (!parse_magnitude(str_from(l->text.p, l->text.n - 1), &v))
        return refuse(l, l->offset, l->end, "the number does not fit a uint (64 bits)");
    *ret = cel_uint(v);
    return true;
}

static bool floating(struct lexer *l, bool negative, struct cel_value *ret)
{
    char text[400];
    if (l->text.n >= sizeof(text))
        return refuse(l, l->offset, l->end, "the number has too many digits");
    memcpy(text, l->text.p, l->text.n);
    text[l->text.n] = '\0';
    double d = strtod(text, NULL);
    *ret = cel_double(negative ? -d : d);
    return true;
}

/* --- Strings --------------------------------------------------------------------------------- */

struct unescape {
    struct lexer *l;
    const unsigned char *p, *end;
    char *out;
    bool bytes;
};

static uint32_t place_of(const struct unescape *u)
{
    return (uint32_t)((const char *)u->p - u->l->source.p);
}

/* `count` digits of `base` at u->p; -1 where there are fewer. */
static int64_t digits(struct unescape *u, int count, int base)
{
    int64_t v = 0;
    for (int i = 0; i < count; i++, u->p++) {
        int d = u->p < u->end ? hex_digit(*u->p) : -1;
        if (d < 0 || d >= base)
            return -1;
        v = v * base + d;
    }
    return v;
}

static bool put_number(struct unescape *u, uint32_t at, int64_t v, bool code_point_only)
{
    uint32_t end = place_of(u);
    if (v < 0)
        return refuse(u->l, at, end, "the escape sequence lacks digits");
    if (u->bytes) {
        if (code_point_only)
            return refuse(u->l, at, end, "\\u and \\U have no meaning in bytes");
        if (v > 0xff)
            return refuse(u->l, at, end, "the octal escape is larger than \\377");
        *u->out++ = (char)v;
        return true;
    }
    if (v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return refuse(u->l, at, end, "the escape sequence is no Unicode character");
    u->out += utf8_put(u->out, (uint32_t)v);
    return true;
}

static bool escape(struct unescape *u)
{
    static const char simple[] = "a\ab\bf\fn\nr\rt\tv\v\\\\??\"\"''``";
    uint32_t at = place_of(u) - 1;
    int c = u->p < u->end ? *u->p++ : -1;
    for (size_t i = 0; i + 1 < sizeof(simple); i += 2) {
        if (simple[i] == c) {
            *u->out++ = simple[i + 1];
            return true;
        }
    }
    switch (c) {
    case 'x':
    case 'X':
        return put_number(u, at, digits(u, 2, 16), false);
    case 'u':
        return put_number(u, at, digits(u, 4, 16), true);
    case 'U':
        return put_number(u, at, digits(u, 8, 16), true);
    case '0':
    case '1':
    case '2':
    case '3':
        u->p--;
        return put_number(u, at, digits(u, 3, 8), false);
    default:
        return refuse(u->l, at, place_of(u), "no such escape sequence");
    }
}

/* CEL source is UTF-8, so what stands unescaped in a string literal is, too. */
static bool text_literal(struct lexer *l, bool bytes, struct cel_value *ret)
{
    const char *p = l->text.p, *end = p + l->text.n;
    bool raw = false;
    for (; *p != '"' && *p != '\''; p++)
        raw |= *p == 'r' || *p == 'R';
    size_t quotes = end - p >= 6 && p[1] == p[0] && p[2] == p[0] ? 3 : 1;
    p += quotes;
    end -= quotes;
    char *out = arena_alloc(l->c->arena, (size_t)(end - p) + 1);
    if (out == NULL) {
        l->c->no_memory = true;
        return false;
    }
    struct unescape u = {l, (const unsigned char *)p, (const unsigned char *)end, out, bytes};
    while (u.p < u.end) {
        if (*u.p == '\\' && !raw) {
            u.p++;
            if (!escape(&u))
                return false;
        } else {
            *u.out++ = (char)*u.p++;
        }
    }
    struct str s = str_from(out, (size_t)(u.out - out));
    if (!bytes && !str_is_utf8(s))
        return refuse(l, l->offset, l->end, "the string is not UTF-8");
    *ret = bytes ? cel_bytes(s) : cel_string(s);
    return true;
}

bool cel_lex_literal(struct lexer *l, bool negative, struct cel_value *ret)
{
    switch ((int)l->token) {
    case TOK_INT:
        return integer(l, negative, ret);
    case TOK_UINT:
        return unsigned_integer(l, ret);
    case TOK_DOUBLE:
        return floating(l, negative, ret);
    case TOK_STRING:
        return text_literal(l, false, ret);
    case TOK_BYTES:
        return text_literal(l, true, ret);
    case TOK_TRUE:
    case TOK_FALSE:
        *ret = cel_bool(l->token == TOK_TRUE);
        return true;
    default:
        *ret = cel_null();
        return true;
    }
}
