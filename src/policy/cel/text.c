/* Values as text: growing in the arena for format(), in a buffer for people and JSON. */
#include "policy/cel/text.h"

#include "policy/cel/decimal.h"
#include "policy/cel/ip.h"
#include "policy/cel/time.h"
#include "policy/cel/utf8.h"

#include <stdio.h>

enum err cel_put_scalar(struct buf *out, struct cel_value v)
{
    char text[DOUBLE_TEXT_SIZE];
    switch ((int)cel_kind_of(v)) {
    case CEL_UNSET:
    case CEL_ABSENT:
        return buf_put_str(out, STR("<no value>"));
    case CEL_ERROR_VALUE:
        return buf_printf(out, "<error: %.*s>", STR_FMT(v.error->message));
    case CEL_UNKNOWN_VALUE:
        return buf_put_str(out, STR("<unknown>"));
    case CEL_NULL:
        return buf_put_str(out, STR("null"));
    case CEL_BOOL:
        return buf_put_str(out, v.i ? STR("true") : STR("false"));
    case CEL_INT:
        return buf_printf(out, "%lld", (long long)v.i);
    case CEL_UINT:
        return buf_printf(out, "%llu", (unsigned long long)v.u);
    case CEL_DOUBLE:
        return buf_put_str(out, str_from(text, cel_double_text(v.d, text)));
    case CEL_TYPE:
        return buf_put_str(out, *v.type_name);
    case CEL_TIMESTAMP:
        return buf_put_str(out, str_from(text, cel_time_text(v.i, (uint32_t)(v.meta >> 32), text)));
    case CEL_DURATION:
        return buf_put_str(out, str_from(text, cel_duration_text(v.i, text)));
    default: /* IP, CIDR */
        return buf_put_str(out, str_from(text, cel_ip_text(v.ip, cel_is(v, CEL_CIDR), text)));
    }
}

static enum err put_quoted(struct buf *out, struct str s, bool bytes)
{
    if (bytes)
        TRY(buf_put_u8(out, 'b'));
    TRY(buf_put_u8(out, '\''));
    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        size_t length = utf8_length(s.p + i, s.n - i);
        if (c == '\n' || c == '\t' || c == '\r')
            TRY(buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r'));
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && (bytes || length == 1)))
            TRY(buf_printf(out, "\\x%02x", c));
        else if (c == '\'' || c == '\\')
            TRY(buf_printf(out, "\\%c", c));
        else
            TRY(buf_put(out, s.p + i, bytes ? 1 : length));
        i += bytes ? 1 : length;
    }
    return buf_put_u8(out, '\'');
}

static enum err put_value(struct buf *out, struct cel_value v)
{
    switch ((int)cel_kind_of(v)) {
    case CEL_STRING:
    case CEL_BYTES:
        return put_quoted(out, cel_str(v), cel_is(v, CEL_BYTES));
    case CEL_LIST:
        TRY(buf_put_u8(out, '['));
        for (uint32_t i = 0; i < cel_length(v); i++) {
            TRY(buf_put_str(out, i > 0 ? STR(", ") : STR("")));
            TRY(put_value(out, cel_list_at(v, i)));
        }
        return buf_put_u8(out, ']');
    case CEL_MAP:
        TRY(buf_put_u8(out, '{'));
        for (uint32_t i = 0; i < v.map->count; i++) {
            TRY(buf_put_str(out, i > 0 ? STR(", ") : STR("")));
            TRY(put_value(out, v.map->entries[i].key));
            TRY(buf_put_str(out, STR(": ")));
            TRY(put_value(out, v.map->entries[i].value));
        }
        return buf_put_u8(out, '}');
    case CEL_OPTIONAL:
        if (v.list == NULL)
            return buf_put_str(out, STR("optional.none()"));
        TRY(buf_put_str(out, STR("optional.of(")));
        TRY(put_value(out, *v.list));
        return buf_put_u8(out, ')');
    case CEL_UINT:
        TRY(cel_put_scalar(out, v));
        return buf_put_u8(out, 'u');
    default:
        return cel_put_scalar(out, v);
    }
}

static enum err put_plain(struct buf *out, struct cel_value v)
{
    if (cel_is(v, CEL_STRING))
        return buf_put_str(out, cel_str(v));
    if (!cel_is(v, CEL_LIST))
        return put_value(out, v);
    for (uint32_t i = 0; i < cel_length(v); i++) {
        TRY(buf_put_str(out, i > 0 ? STR(", ") : STR("")));
        TRY(put_plain(out, cel_list_at(v, i)));
    }
    return ERR_OK;
}

/* Writes by `put` into a buffer of `max` bytes; what does not fit is cut, with an ellipsis. */
static enum err put_cut(struct buf *out, struct cel_value v, size_t max,
                        enum err (*put)(struct buf *, struct cel_value))
{
    struct buf b CLEANUP(buf_done);
    buf_init(&b, max + 8);
    enum err e = put(&b, v);
    if (e != ERR_OK && e != ERR_LIMIT)
        return e;
    struct str s = buf_view(&b);
    if (e == ERR_OK && s.n <= max)
        return buf_put_str(out, s);
    size_t n = s.n < max ? s.n : max;
    while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    TRY(buf_put_str(out, str_from(s.p, n)));
    return buf_put_str(out, STR("…"));
}

enum err cel_value_text(struct buf *out, struct cel_value v, size_t max)
{
    return put_cut(out, v, max, put_value);
}

enum err cel_value_plain(struct buf *out, struct cel_value v, size_t max)
{
    return put_cut(out, v, max, put_plain);
}

/* --- JSON --------------------------------------------------------------------------------------------------- */

static void json_text_of(struct json *j, struct cel_value v)
{
    struct buf b CLEANUP(buf_done);
    buf_init(&b, DOUBLE_TEXT_SIZE);
    if (cel_put_scalar(&b, v) != ERR_OK)
        buf_clear(&b);
    json_str(j, buf_view(&b));
}

static void json_map(struct json *j, const struct cel_map *m)
{
    json_object_begin(j);
    for (uint32_t i = 0; i < m->count && j->err == ERR_OK; i++) {
        struct cel_value key = m->entries[i].key;
        struct buf b CLEANUP(buf_done);
        buf_init(&b, DOUBLE_TEXT_SIZE);
        if (cel_is(key, CEL_STRING)) {
            json_key_str(j, cel_str(key));
        } else {
            if (cel_put_scalar(&b, key) != ERR_OK)
                buf_clear(&b);
            json_key_str(j, buf_view(&b));
        }
        cel_value_json(j, m->entries[i].value);
    }
    json_object_end(j);
}

void cel_value_json(struct json *j, struct cel_value v)
{
    switch ((int)cel_kind_of(v)) {
    case CEL_UNSET:
    case CEL_ABSENT:
    case CEL_NULL:
        json_nil(j);
        return;
    case CEL_BOOL:
        json_bool(j, v.i != 0);
        return;
    case CEL_INT:
        json_int(j, v.i);
        return;
    case CEL_UINT:
        json_uint(j, v.u);
        return;
    case CEL_DOUBLE:
        json_double(j, v.d);
        return;
    case CEL_STRING:
        json_str(j, cel_str(v));
        return;
    case CEL_BYTES:
        json_bytes(j, cel_str(v));
        return;
    case CEL_LIST:
        json_array_begin(j);
        for (uint32_t i = 0; i < cel_length(v) && j->err == ERR_OK; i++)
            cel_value_json(j, cel_list_at(v, i));
        json_array_end(j);
        return;
    case CEL_MAP:
        json_map(j, v.map);
        return;
    case CEL_OPTIONAL:
        if (v.list != NULL)
            cel_value_json(j, *v.list);
        else
            json_nil(j);
        return;
    case CEL_ERROR_VALUE:
        json_object_begin(j);
        json_put_str(j, "error", v.error->message);
        json_object_end(j);
        return;
    case CEL_UNKNOWN_VALUE:
        json_object_begin(j);
        json_key(j, "unknown");
        json_uint(j, v.u);
        json_object_end(j);
        return;
    default:
        json_text_of(j, v);
    }
}

/* --- Copies --------------------------------------------------------------------------------------------------- */

static enum err dup_list(struct arena *a, struct cel_value v, struct cel_value *ret)
{
    uint32_t n = cel_length(v);
    struct cel_value *items = arena_new_array(a, n, struct cel_value);
    if (items == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < n; i++)
        TRY(cel_value_dup(a, cel_list_at(v, i), &items[i]));
    *ret = cel_list(items, n);
    return ERR_OK;
}

static enum err dup_map(struct arena *a, const struct cel_map *m, struct cel_value *ret)
{
    struct cel_map_entry *entries = arena_new_array(a, m->count, struct cel_map_entry);
    struct cel_map *copy = arena_new(a, struct cel_map);
    if (entries == NULL || copy == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < m->count; i++) {
        TRY(cel_value_dup(a, m->entries[i].key, &entries[i].key));
        TRY(cel_value_dup(a, m->entries[i].value, &entries[i].value));
    }
    TRY(cel_map_init(copy, a, entries, m->count));
    *ret = cel_map(copy);
    return ERR_OK;
}

static enum err dup_bytes(struct arena *a, const void *p, size_t n, void *ret)
{
    void *copy = arena_alloc(a, n);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, p, n);
    memcpy(ret, &copy, sizeof(copy));
    return ERR_OK;
}

static enum err dup_error(struct arena *a, const struct cel_error *error, struct cel_value *ret)
{
    struct str message;
    TRY(arena_str(a, error->message, &message));
    *ret = cel_error_of(a, error->code, message);
    if (ret->error->code != error->code)
        return ERR_NOMEM;
    struct cel_error *copy = (struct cel_error *)(uintptr_t)ret->error;
    copy->offset = error->offset;
    return ERR_OK;
}

enum err cel_value_dup(struct arena *a, struct cel_value v, struct cel_value *ret)
{
    struct cel_value copy = v;
    struct str s;
    switch ((int)cel_kind_of(v)) {
    case CEL_STRING:
    case CEL_BYTES:
        TRY(arena_str(a, cel_str(v), &s));
        copy.s = s.p;
        break;
    case CEL_LIST:
        return dup_list(a, v, ret);
    case CEL_MAP:
        return dup_map(a, v.map, ret);
    case CEL_TYPE:
        TRY(dup_bytes(a, v.type_name, sizeof(*v.type_name), &copy.type_name));
        break;
    case CEL_IP:
    case CEL_CIDR:
        TRY(dup_bytes(a, v.ip, sizeof(*v.ip), &copy.ip));
        break;
    case CEL_OPTIONAL: {
        struct cel_value inner;
        if (v.list == NULL)
            break;
        TRY(cel_value_dup(a, *v.list, &inner));
        TRY(dup_bytes(a, &inner, sizeof(inner), &copy.list));
        break;
    }
    case CEL_ERROR_VALUE:
        return dup_error(a, v.error, ret);
    default:
        break;
    }
    *ret = copy;
    return ERR_OK;
}
