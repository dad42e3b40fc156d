#include "base/json.h"
#include "base/digest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_init(struct json *j, struct buf *out)
{
    *j = (struct json){.out = out};
}

enum err json_end(const struct json *j)
{
    return j->err;
}

static void put(struct json *j, const char *p, size_t n)
{
    if (j->err == ERR_OK)
        j->err = buf_put(j->out, p, n);
}

static void value_begins(struct json *j)
{
    if (j->need_comma)
        put(j, ",", 1);
    j->need_comma = true;
}

static void open(struct json *j, char c)
{
    value_begins(j);
    put(j, &c, 1);
    j->need_comma = false;
}

static void close(struct json *j, char c)
{
    put(j, &c, 1);
    j->need_comma = true;
}

void json_object_begin(struct json *j)
{
    open(j, '{');
}

void json_object_end(struct json *j)
{
    close(j, '}');
}

void json_array_begin(struct json *j)
{
    open(j, '[');
}

void json_array_end(struct json *j)
{
    close(j, ']');
}

/* What stands for one byte that cannot stand for itself; NULL where it can. */
static const char *escape_of(unsigned char c, char room[static 7])
{
    static const char *const short_forms[256] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t"};
    if (short_forms[c] != NULL)
        return short_forms[c];
    if (c >= 0x20)
        return NULL;
    (void)snprintf(room, 7, "\\u%04x", c);
    return room;
}

static void put_escaped(struct json *j, struct str s)
{
    size_t plain = 0;
    char room[7];
    for (size_t i = 0; i < s.n; i++) {
        const char *e = escape_of((unsigned char)s.p[i], room);
        if (e == NULL)
            continue;
        put(j, s.p + plain, i - plain);
        put(j, e, strlen(e));
        plain = i + 1;
    }
    if (s.n > plain)
        put(j, s.p + plain, s.n - plain);
}

/* Piece by piece: the well-formed runs as they are, every other byte as U+FFFD. */
static void put_repaired(struct json *j, struct str s)
{
    size_t i = 0;
    while (i < s.n) {
        size_t len = 1;
        while (len <= 4 && i + len <= s.n && !str_is_utf8((struct str){s.p + i, len}))
            len++;
        if (len > 4 || i + len > s.n) {
            put(j, "\xef\xbf\xbd", 3);
            i++;
        } else {
            put_escaped(j, (struct str){s.p + i, len});
            i += len;
        }
    }
}

static void put_quoted(struct json *j, struct str s)
{
    put(j, "\"", 1);
    if (str_is_utf8(s))
        put_escaped(j, s);
    else
        put_repaired(j, s);
    put(j, "\"", 1);
}

void json_key_str(struct json *j, struct str key)
{
    value_begins(j);
    put_quoted(j, key);
    put(j, ":", 1);
    j->need_comma = false;
}

void json_key(struct json *j, const char *key)
{
    json_key_str(j, str_of(key));
}

void json_str(struct json *j, struct str s)
{
    value_begins(j);
    put_quoted(j, s);
}

static void put_number(struct json *j, const char *text)
{
    value_begins(j);
    put(j, text, strlen(text));
}

void json_int(struct json *j, int64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)v);
    put_number(j, text);
}

void json_uint(struct json *j, uint64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
    put_number(j, text);
}

void json_double(struct json *j, double v)
{
    char text[40];
    if (isnan(v)) {
        json_str(j, STR("NaN"));
        return;
    }
    if (isinf(v)) {
        json_str(j, v > 0 ? STR("Infinity") : STR("-Infinity"));
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    put_number(j, text);
}

void json_bool(struct json *j, bool v)
{
    put_number(j, v ? "true" : "false");
}

void json_nil(struct json *j)
{
    put_number(j, "null");
}

void json_raw(struct json *j, struct str json_text)
{
    value_begins(j);
    put(j, json_text.p, json_text.n);
}

void json_bytes(struct json *j, struct str s)
{
    if (str_is_utf8(s)) {
        json_str(j, s);
        return;
    }
    json_object_begin(j);
    json_key(j, "hex");
    value_begins(j);
    put(j, "\"", 1);
    if (j->err == ERR_OK)
        j->err = hex_put(j->out, s);
    put(j, "\"", 1);
    json_object_end(j);
}

void json_put_str(struct json *j, const char *key, struct str v)
{
    json_key(j, key);
    json_str(j, v);
}

void json_put_z(struct json *j, const char *key, const char *v)
{
    json_key(j, key);
    if (v != NULL)
        json_str(j, str_of(v));
    else
        json_nil(j);
}

void json_put_int(struct json *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_int(j, v);
}

void json_put_bool(struct json *j, const char *key, bool v)
{
    json_key(j, key);
    json_bool(j, v);
}
