#include "source/pg/params.h"
#include "base/arena.h"
#include "base/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { VALUE_TEXT = 512 };

/* Writes the text of a binary value to out and returns its length, or a negative number where the
 * bytes are not a value of that type. */
typedef int decode_fn(struct str v, char out[static VALUE_TEXT]);

static int64_t signed_of(struct str v)
{
    struct cursor c = cursor_of(v);
    switch (v.n) {
    case 2:
        return (int16_t)cursor_u16(&c);
    case 4:
        return (int32_t)cursor_u32(&c);
    default:
        return (int64_t)cursor_u64(&c);
    }
}

static int decode_bool(struct str v, char out[static VALUE_TEXT])
{
    if (v.n != 1 || (v.p[0] & ~1) != 0)
        return -1;
    return snprintf(out, VALUE_TEXT, "%s", v.p[0] ? "true" : "false");
}

static int decode_int2(struct str v, char out[static VALUE_TEXT])
{
    return v.n != 2 ? -1 : snprintf(out, VALUE_TEXT, "%" PRId64, signed_of(v));
}

static int decode_int4(struct str v, char out[static VALUE_TEXT])
{
    return v.n != 4 ? -1 : snprintf(out, VALUE_TEXT, "%" PRId64, signed_of(v));
}

static int decode_int8(struct str v, char out[static VALUE_TEXT])
{
    return v.n != 8 ? -1 : snprintf(out, VALUE_TEXT, "%" PRId64, signed_of(v));
}

static int decode_oid(struct str v, char out[static VALUE_TEXT])
{
    return v.n != 4 ? -1 : snprintf(out, VALUE_TEXT, "%u", (unsigned)signed_of(v));
}

static int decode_float4(struct str v, char out[static VALUE_TEXT])
{
    struct cursor c = cursor_of(v);
    uint32_t bits = cursor_u32(&c);
    float f;
    memcpy(&f, &bits, sizeof(f));
    return v.n != 4 ? -1 : snprintf(out, VALUE_TEXT, "%.9g", (double)f);
}

static int decode_float8(struct str v, char out[static VALUE_TEXT])
{
    struct cursor c = cursor_of(v);
    uint64_t bits = cursor_u64(&c);
    double d;
    memcpy(&d, &bits, sizeof(d));
    return v.n != 8 ? -1 : snprintf(out, VALUE_TEXT, "%.17g", d);
}

static int decode_uuid(struct str v, char out[static VALUE_TEXT])
{
    int n = 0;
    if (v.n != 16)
        return -1;
    for (size_t i = 0; i < 16; i++)
        n += snprintf(out + n, VALUE_TEXT - (size_t)n, "%s%02x",
                      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", (unsigned char)v.p[i]);
    return n;
}

/* Days and microseconds count from 2000-01-01. */
enum { DAYS_1970_TO_2000 = 10957 };

static int put_date(int64_t days, char *out, size_t size)
{
    time_t t = (time_t)((days + DAYS_1970_TO_2000) * 86400);
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL)
        return -1;
    return snprintf(out, size, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static int decode_date(struct str v, char out[static VALUE_TEXT])
{
    if (v.n != 4)
        return -1;
    int64_t days = signed_of(v);
    if (days == INT32_MAX || days == INT32_MIN)
        return snprintf(out, VALUE_TEXT, "%sinfinity", days < 0 ? "-" : "");
    return put_date(days, out, VALUE_TEXT);
}

static int put_time(int64_t us, char *out, size_t size)
{
    int n = snprintf(out, size, "%02d:%02d:%02d", (int)(us / 3600000000), (int)(us / 60000000 % 60),
                     (int)(us / 1000000 % 60));
    if (us % 1000000 != 0)
        n += snprintf(out + n, size - (size_t)n, ".%06d", (int)(us % 1000000));
    return n;
}

static int decode_time(struct str v, char out[static VALUE_TEXT])
{
    int64_t us = v.n == 8 ? signed_of(v) : -1;
    return us < 0 || us > INT64_C(86400000000) ? -1 : put_time(us, out, VALUE_TEXT);
}

static int decode_timestamp(struct str v, char out[static VALUE_TEXT])
{
    if (v.n != 8)
        return -1;
    int64_t us = signed_of(v), day = INT64_C(86400000000);
    if (us == INT64_MAX || us == INT64_MIN)
        return snprintf(out, VALUE_TEXT, "%sinfinity", us < 0 ? "-" : "");
    int64_t days = us / day, rest = us % day;
    if (rest < 0)
        days--, rest += day;
    int n = put_date(days, out, VALUE_TEXT);
    if (n < 0)
        return -1;
    out[n++] = ' ';
    return n + put_time(rest, out + n, VALUE_TEXT - (size_t)n);
}

static int decode_timestamptz(struct str v, char out[static VALUE_TEXT])
{
    int n = decode_timestamp(v, out);
    return n < 0 || out[n - 1] == 'y' ? n : n + snprintf(out + n, VALUE_TEXT - (size_t)n, "+00");
}

/* Base-10,000 digits: count, weight of the first, sign, decimals to show (numeric_send). */
static int decode_numeric(struct str v, char out[static VALUE_TEXT])
{
    struct cursor c = cursor_of(v);
    int count = cursor_u16(&c), weight = (int16_t)cursor_u16(&c), sign = cursor_u16(&c);
    int scale = cursor_u16(&c);
    if (c.bad || cursor_left(&c) != (size_t)count * 2 || count > 60 || scale > 200 || weight > 60)
        return -1;
    if (sign == 0xc000)
        return snprintf(out, VALUE_TEXT, "NaN");
    if (sign == 0xd000 || sign == 0xf000)
        return snprintf(out, VALUE_TEXT, "%sInfinity", sign == 0xf000 ? "-" : "");
    if ((sign != 0 && sign != 0x4000) || weight < -60)
        return -1;
    int digits[61];
    for (int i = 0; i < count; i++) {
        digits[i] = cursor_u16(&c);
        if (digits[i] > 9999)
            return -1;
    }
    int n = snprintf(out, VALUE_TEXT, "%s", sign != 0 ? "-" : "");
    for (int i = 0; i <= weight; i++)
        n += snprintf(out + n, VALUE_TEXT - (size_t)n, i == 0 ? "%d" : "%04d",
                      i < count ? digits[i] : 0);
    if (weight < 0)
        n += snprintf(out + n, VALUE_TEXT - (size_t)n, "0");
    if (scale > 0)
        out[n++] = '.';
    for (int shown = 0, i = weight + 1; shown < scale; i++) {
        char four[8];
        (void)snprintf(four, sizeof(four), "%04d", i >= 0 && i < count ? digits[i] : 0);
        for (int k = 0; k < 4 && shown < scale; k++, shown++)
            out[n++] = four[k];
    }
    return n;
}

/* Text stays text in binary form. */
static int is_text(struct str v, char out[static VALUE_TEXT])
{
    (void)v;
    (void)out;
    return -1;
}

static const struct pg_type {
    uint32_t oid;
    const char *name;
    decode_fn *decode; /* NULL: shown as hex */
} types[] = {
    {16, "bool", decode_bool},        {17, "bytea", NULL},
    {19, "name", is_text},            {20, "int8", decode_int8},
    {21, "int2", decode_int2},        {23, "int4", decode_int4},
    {25, "text", is_text},            {26, "oid", decode_oid},
    {114, "json", is_text},           {142, "xml", is_text},
    {700, "float4", decode_float4},   {701, "float8", decode_float8},
    {705, "unknown", is_text},        {1042, "bpchar", is_text},
    {1043, "varchar", is_text},       {1082, "date", decode_date},
    {1083, "time", decode_time},      {1114, "timestamp", decode_timestamp},
    {1184, "timestamptz", decode_timestamptz}, {1700, "numeric", decode_numeric},
    {2950, "uuid", decode_uuid},      {1000, "bool[]", NULL},
    {1005, "int2[]", NULL},           {1007, "int4[]", NULL},
    {1009, "text[]", NULL},           {1015, "varchar[]", NULL},
    {1016, "int8[]", NULL},           {3802, "jsonb", NULL},
};

static const struct pg_type *type_of(uint32_t oid)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].oid == oid)
            return &types[i];
    return NULL;
}

static void put_hex(struct json *j, struct str v)
{
    struct buf hex CLEANUP(buf_done) = {0};
    buf_init(&hex, v.n * 2 + 1);
    enum err e = hex_put(&hex, v);
    if (e != ERR_OK && j->err == ERR_OK)
        j->err = e;
    json_put_str(j, "hex", buf_view(&hex));
}

static void put_value(struct json *j, struct str v, bool binary, const struct pg_type *type)
{
    char out[VALUE_TEXT];
    bool texty = !binary || (type != NULL && type->decode == is_text);
    int n = binary && type != NULL && type->decode != NULL ? type->decode(v, out) : -1;
    if (texty && str_is_utf8(v))
        json_put_str(j, "value", v);
    else if (n >= 0)
        json_put_str(j, "value", (struct str){out, (size_t)n});
    else
        put_hex(j, v);
}

static bool is_binary(const struct pg_bind *b, uint16_t i)
{
    uint16_t at = b->n_formats == 1 ? 0 : i;
    return at < b->n_formats && b->formats.p[2 * at + 1] == 1;
}

void pg_params_put(struct json *j, const struct pg_bind *b, const uint32_t *oids, uint16_t n_types)
{
    struct cursor c = cursor_of(b->params);
    json_array_begin(j);
    for (uint16_t i = 0; i < b->n_params; i++) {
        uint32_t oid = i < n_types ? oids[i] : 0, len = cursor_u32(&c);
        const struct pg_type *type = type_of(oid);
        char other[32];
        (void)snprintf(other, sizeof(other), "oid %u", oid);
        json_object_begin(j);
        if (oid != 0)
            json_put_z(j, "type", type != NULL ? type->name : other);
        if (len == UINT32_MAX) {
            json_key(j, "value");
            json_nil(j);
        } else {
            put_value(j, cursor_bytes(&c, len), is_binary(b, i), type);
        }
        json_object_end(j);
    }
    json_array_end(j);
}
