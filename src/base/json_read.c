#include "base/json_read.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

/* Behind the closing quote; NULL where there is none. p is at the opening one. */
static const char *skip_string(const char *p, const char *end)
{
    const char *from = p + 1;
    for (;;) {
        const char *quote = memchr(from, '"', (size_t)(end - from));
        if (quote == NULL)
            return NULL;
        const char *back = quote;
        while (back > from && back[-1] == '\\')
            back--;
        if ((quote - back) % 2 == 0)
            return quote + 1;
        from = quote + 1;
    }
}

/* Behind an object or array, whatever is in it. Depth is counted, not checked for kind. */
static const char *skip_nested(const char *p, const char *end)
{
    size_t depth = 0;
    while (p < end) {
        switch (*p) {
        case '"':
            p = skip_string(p, end);
            if (p == NULL)
                return NULL;
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0)
                return p + 1;
            break;
        default:
            break;
        }
        p++;
    }
    return NULL;
}

static const char *skip_word(const char *p, const char *end)
{
    while (p < end && !is_space(*p) && memchr(",:{}[]\"", *p, 7) == NULL)
        p++;
    return p;
}

static enum json_kind kind_of(char c)
{
    switch (c) {
    case '{':
        return JSON_IS_OBJECT;
    case '[':
        return JSON_IS_ARRAY;
    case '"':
        return JSON_IS_STRING;
    case 't':
    case 'f':
        return JSON_IS_BOOL;
    case 'n':
        return JSON_IS_NIL;
    default:
        return JSON_IS_NUMBER;
    }
}

/* One value at p; behind it, or NULL. */
static const char *take(const char *p, const char *end, struct json_part *ret)
{
    const char *behind;
    if (p >= end)
        return NULL;
    ret->kind = kind_of(*p);
    if (ret->kind == JSON_IS_OBJECT || ret->kind == JSON_IS_ARRAY)
        behind = skip_nested(p, end);
    else if (ret->kind == JSON_IS_STRING)
        behind = skip_string(p, end);
    else
        behind = skip_word(p, end);
    if (behind == NULL || behind == p)
        return NULL;
    ret->raw = str_from(p, (size_t)(behind - p));
    return behind;
}

bool json_part_of(struct str text, struct json_part *ret)
{
    struct json_part v;
    const char *end = text.p + text.n;
    if (text.n == 0)
        return false;
    const char *behind = take(skip_space(text.p, end), end, &v);
    if (behind == NULL || skip_space(behind, end) != end)
        return false;
    *ret = v;
    return true;
}

struct json_parts json_parts_of(const struct json_part *v)
{
    if (v->kind != JSON_IS_OBJECT && v->kind != JSON_IS_ARRAY)
        return (struct json_parts){NULL, NULL, false};
    return (struct json_parts){v->raw.p + 1, v->raw.p + v->raw.n - 1, v->kind == JSON_IS_OBJECT};
}

/* Behind `"name":`, or NULL. */
static const char *take_key(const char *p, const char *end, struct str *ret)
{
    const char *behind = p < end && *p == '"' ? skip_string(p, end) : NULL;
    if (behind == NULL)
        return NULL;
    *ret = str_from(p + 1, (size_t)(behind - p - 2));
    p = skip_space(behind, end);
    return p < end && *p == ':' ? skip_space(p + 1, end) : NULL;
}

bool json_parts_next(struct json_parts *it, struct str *ret_key, struct json_part *ret)
{
    struct str key = {NULL, 0};
    struct json_part v;
    const char *p = it->p;
    if (p == NULL)
        return false;
    it->p = NULL; /* unless all goes well */
    p = skip_space(p, it->end);
    if (p < it->end && *p == ',')
        p = skip_space(p + 1, it->end);
    if (it->named)
        p = take_key(p, it->end, &key);
    p = p != NULL ? take(p, it->end, &v) : NULL;
    if (p == NULL)
        return false;
    it->p = p;
    *ret_key = key;
    *ret = v;
    return true;
}

bool json_member(const struct json_part *v, const char *name, struct json_part *ret)
{
    struct json_parts it = json_parts_of(v);
    struct str key, wanted = str_of(name);
    struct json_part found;
    if (v->kind != JSON_IS_OBJECT)
        return false;
    while (json_parts_next(&it, &key, &found)) {
        if (!str_eq(key, wanted))
            continue;
        *ret = found;
        return true;
    }
    return false;
}

void json_pick(const struct json_part *v, const char *const *names, size_t n, struct json_part *ret)
{
    struct json_parts it = json_parts_of(v);
    struct str key;
    struct json_part found;
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct json_part){JSON_IS_MISSING, {NULL, 0}};
    while (it.named && json_parts_next(&it, &key, &found))
        for (size_t i = 0; i < n; i++)
            if (ret[i].kind == JSON_IS_MISSING && str_is(key, names[i]))
                ret[i] = found;
}

/* --- Strings --------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX; -1 where they are none. */
static int32_t take_u16(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* What follows \u, surrogate pairs joined; a lone surrogate is U+FFFD. */
static const char *unescape_u(const char *p, const char *end, char **out)
{
    int32_t high = take_u16(p, end);
    if (high < 0)
        return NULL;
    p += 4;
    uint32_t c = (uint32_t)high;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        int32_t low = take_u16(p + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
            p += 6;
        }
    }
    *out = put_utf8(*out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    return p;
}

static const char *unescape_one(const char *p, const char *end, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (p >= end)
        return NULL;
    if (*p == 'u')
        return unescape_u(p + 1, end, out);
    const char *at = memchr(from, *p, sizeof(from) - 1);
    if (at == NULL)
        return NULL;
    *(*out)++ = to[at - from];
    return p + 1;
}

/* No escape is shorter than what it stands for. */
static enum err unescape(struct str s, struct arena *a, struct str *ret)
{
    const char *p = s.p, *end = s.p + s.n;
    char *text = arena_alloc(a, s.n + 1), *out = text;
    if (text == NULL)
        return ERR_NOMEM;
    while (p < end) {
        const char *next = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((next != NULL ? next : end) - p);
        memcpy(out, p, plain);
        out += plain;
        if (next == NULL)
            break;
        p = unescape_one(next + 1, end, &out);
        if (p == NULL)
            return ERR_INVALID;
    }
    *out = '\0';
    *ret = str_from(text, (size_t)(out - text));
    return ERR_OK;
}

enum err json_key_text(struct str key, struct arena *a, struct str *ret)
{
    if (key.n == 0 || memchr(key.p, '\\', key.n) == NULL) {
        *ret = key;
        return ERR_OK;
    }
    return unescape(key, a, ret);
}

static enum err unhex(struct str hex, struct arena *a, struct str *ret)
{
    char *out = arena_alloc(a, hex.n / 2 + 1);
    if (out == NULL)
        return ERR_NOMEM;
    if (hex.n % 2 != 0)
        return ERR_INVALID;
    for (size_t i = 0; i < hex.n / 2; i++) {
        int high = hex_digit(hex.p[2 * i]), low = hex_digit(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return ERR_INVALID;
        out[i] = (char)(high * 16 + low);
    }
    out[hex.n / 2] = '\0';
    *ret = str_from(out, hex.n / 2);
    return ERR_OK;
}

enum err json_part_text(const struct json_part *v, struct arena *a, struct str *ret)
{
    struct json_part hex;
    if (v->kind == JSON_IS_STRING)
        return json_key_text(str_from(v->raw.p + 1, v->raw.n - 2), a, ret);
    if (json_member(v, "hex", &hex) && hex.kind == JSON_IS_STRING)
        return unhex(str_from(hex.raw.p + 1, hex.raw.n - 2), a, ret);
    return ERR_INVALID;
}

enum err json_part_int(const struct json_part *v, int64_t *ret)
{
    if (v->kind != JSON_IS_NUMBER || str_to_i64(v->raw, ret) != ERR_OK)
        return ERR_INVALID;
    return ERR_OK;
}

bool json_part_is_true(const struct json_part *v)
{
    return v->kind == JSON_IS_BOOL && str_is(v->raw, "true");
}
