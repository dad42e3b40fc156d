/* Records in every format of export: whatever their texts hold, one record is one frame, and JSON stays JSON. */
#include "audit/format.h"
#include "base/json.h"
#include "base/json_read.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

/* The input in every place where text of people and clients stands. */
static void put_data(struct buf *out, struct str s)
{
    static const char *const names[] = {"subject", "person", "by", "reason", "resource", "guardrails", "address", "text", "verdict"};
    struct buf envelope;
    struct json j, inner;
    buf_init(&envelope, 1 << 20);
    json_init(&inner, &envelope);
    json_object_begin(&inner);
    json_put_z(&inner, "kind", "sql");
    json_key(&inner, "action");
    json_object_begin(&inner);
    json_key(&inner, "text");
    json_bytes(&inner, s);
    json_object_end(&inner);
    json_object_end(&inner);
    must(json_end(&inner) == ERR_OK);
    json_init(&j, out);
    json_object_begin(&j);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_key(&j, names[i]);
        json_bytes(&j, s);
    }
    json_put_str(&j, "envelope", buf_view(&envelope));
    json_object_end(&j);
    must(json_end(&j) == ERR_OK);
    buf_done(&envelope);
}

static size_t count(struct str s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

static void is_one_csv_row(struct str s)
{
    size_t fields = 0;
    must(str_ends(s, STR("\r\n")) && count(s, '\n') == 1 && count(s, '\r') == 1);
    size_t i = 0;
    while (i < s.n - 2) {
        must(s.p[i] == '"' && memchr("=+-@\t", s.p[i + 1], 5) == NULL);
        i++;
        while (s.p[i] != '"' || s.p[i + 1] == '"')
            i += s.p[i] == '"' ? 2 : 1;
        fields++;
        must(s.p[i + 1] == ',' || s.p[i + 1] == '\r');
        i += 2;
    }
    must(fields == 14);
}

static void check(enum audit_format f, enum audit_framing framing, struct str out)
{
    struct json_part v;
    if (framing == FRAMING_OCTETS) {
        struct str digits, rest;
        uint64_t n;
        must(str_cut(out, ' ', &digits, &rest) && str_to_u64(digits, &n) == ERR_OK && n == rest.n);
        out = rest;
    } else {
        must(count(out, '\n') == 1 && str_ends(out, STR("\n")));
    }
    if (f == FORMAT_CSV && framing == FRAMING_LINES)
        is_one_csv_row(out);
    if (f == FORMAT_SYSLOG) {
        const char *json = memchr(out.p, '{', out.n);
        must(json != NULL && str_starts(out, STR("<1")));
        out = str_from(json, out.n - (size_t)(json - out.p));
    }
    if (f != FORMAT_CSV)
        must(json_part_of(out, &v) && v.kind == JSON_IS_OBJECT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text, out;
    if (size > 4096)
        return 0;
    buf_init(&text, 1 << 22);
    buf_init(&out, 1 << 24);
    put_data(&text, str_from(data, size));
    const struct audit_entry e = {.seq = 7, .time = STR("2026-11-22T17:20:00.123Z"), .kind = STR("action"),
                                  .data = buf_view(&text), .leaf = buf_view(&text)};
    for (int f = FORMAT_JSONL; f <= FORMAT_SYSLOG; f++) {
        for (int framing = FRAMING_LINES; framing <= FRAMING_OCTETS; framing++) {
            struct audit_formatter x;
            audit_formatter_init(&x, (enum audit_format)f, (enum audit_framing)framing);
            buf_clear(&out);
            must(audit_format_record(&x, &e, &out) == ERR_OK);
            check((enum audit_format)f, (enum audit_framing)framing, buf_view(&out));
            audit_formatter_done(&x);
        }
    }
    buf_done(&text);
    buf_done(&out);
    return 0;
}
