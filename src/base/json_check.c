#include "base/json_check.h"
#include "base/limits.h"

/* Where a value may stand, or what must follow. */
enum expect { VALUE, VALUE_OR_END, KEY, KEY_OR_END, AFTER_VALUE };

struct checker {
    const char *p, *end;
    size_t depth;
    bool in_object[LIMIT_JSON_DEPTH];
};

static bool take(struct checker *c, char want)
{
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

static bool take_word(struct checker *c, struct str word)
{
    if (!str_starts((struct str){c->p, (size_t)(c->end - c->p)}, word))
        return false;
    c->p += word.n;
    return true;
}

static void skip_blanks(struct checker *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
}

static bool take_digits(struct checker *c)
{
    const char *start = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    return c->p > start;
}

static bool take_number(struct checker *c)
{
    (void)take(c, '-');
    if (!take(c, '0') && !take_digits(c))
        return false;
    if (take(c, '.') && !take_digits(c))
        return false;
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+'))
            (void)take(c, '-');
        return take_digits(c);
    }
    return true;
}

static bool is_hex(char ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
}

static bool take_escape(struct checker *c)
{
    if (c->p == c->end || memchr("\"\\/bfnrtu", *c->p, 9) == NULL)
        return false;
    if (*c->p++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, c->p++)
        if (c->p == c->end || !is_hex(*c->p))
            return false;
    return true;
}

static bool take_string(struct checker *c)
{
    if (!take(c, '"'))
        return false;
    while (c->p < c->end) {
        unsigned char ch = (unsigned char)*c->p++;
        if (ch == '"')
            return true;
        if (ch < 0x20 || (ch == '\\' && !take_escape(c)))
            return false;
    }
    return false;
}

static bool open_one(struct checker *c, bool object, enum expect *next)
{
    if (c->depth == LIMIT_JSON_DEPTH)
        return false;
    c->p++;
    c->in_object[c->depth++] = object;
    *next = object ? KEY_OR_END : VALUE_OR_END;
    return true;
}

static bool take_value(struct checker *c, enum expect *next)
{
    *next = AFTER_VALUE;
    if (c->p == c->end)
        return false;
    switch (*c->p) {
    case '{':
        return open_one(c, true, next);
    case '[':
        return open_one(c, false, next);
    case '"':
        return take_string(c);
    case 't':
        return take_word(c, STR("true"));
    case 'f':
        return take_word(c, STR("false"));
    case 'n':
        return take_word(c, STR("null"));
    default:
        return take_number(c);
    }
}

static bool take_key(struct checker *c, enum expect *next)
{
    *next = VALUE;
    if (!take_string(c))
        return false;
    skip_blanks(c);
    return take(c, ':');
}

/* Closes the innermost one where its bracket stands here. */
static bool take_close(struct checker *c, enum expect *next)
{
    if (!take(c, c->in_object[c->depth - 1] ? '}' : ']'))
        return false;
    c->depth--;
    *next = AFTER_VALUE;
    return true;
}

static bool take_comma_or_close(struct checker *c, enum expect *next)
{
    if (take_close(c, next))
        return true;
    *next = c->in_object[c->depth - 1] ? KEY : VALUE;
    return take(c, ',');
}

static bool step(struct checker *c, enum expect *next)
{
    skip_blanks(c);
    switch (*next) {
    case KEY_OR_END:
        return take_close(c, next) || take_key(c, next);
    case VALUE_OR_END:
        return take_close(c, next) || take_value(c, next);
    case KEY:
        return take_key(c, next);
    case VALUE:
        return take_value(c, next);
    case AFTER_VALUE:
        return take_comma_or_close(c, next);
    }
    return false;
}

bool json_is_one_line(struct str s, enum json_shape shape)
{
    struct checker c = {.p = s.p, .end = s.p != NULL ? s.p + s.n : NULL};
    enum expect next;
    if (s.n == 0 || *c.p != (shape == JSON_LINE_OBJECT ? '{' : '[') || !str_is_utf8(s) ||
        !open_one(&c, shape == JSON_LINE_OBJECT, &next))
        return false;
    while (c.depth > 0)
        if (!step(&c, &next))
            return false;
    return c.p == c.end;
}
