/* The small readers that see text from outside: addresses, durations, numbers, UTF-8, JSON output. */
#include "base/address.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/json_read.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void an_address_is_inside_what_was_read(struct str s)
{
    struct address a;
    if (address_parse(s, 5432, &a) != ERR_OK)
        return;
    must(a.host.n <= s.n && a.host.n > 0);
    must(a.host.p >= s.p && a.host.p + a.host.n <= s.p + s.n);
    must(a.is_unix || a.port != 0);
}

static void what_is_written_of_a_duration_reads_as_the_same_text(struct str s)
{
    int64_t ns, again;
    char text[CLOCK_TEXT], text_again[CLOCK_TEXT];
    if (duration_parse(s, &ns) != ERR_OK)
        return;
    must(ns >= 0);
    struct str shown = duration_text(ns, text);
    must(duration_parse(shown, &again) == ERR_OK && again <= ns);
    must(str_eq(duration_text(again, text_again), shown));
}

static void json_output_is_json_and_loses_no_utf8(struct str s)
{
    struct buf b;
    struct json j;
    buf_init(&b, s.n * 6 + 64);
    json_init(&j, &b);
    json_str(&j, s);
    must(json_end(&j) == ERR_OK);
    json_t *v = json_loadb(b.p + b.off, buf_len(&b), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    must(json_is_string(v));
    if (str_is_utf8(s))
        must(str_eq(s, str_from(json_string_value(v), json_string_length(v))));
    json_decref(v);
    buf_done(&b);
}

static void json_is_read_inside_its_bytes(struct str s, struct arena *a, int depth)
{
    struct json_part v, x;
    struct str key, text;
    if (!json_part_of(s, &v))
        return;
    must(v.raw.p >= s.p && v.raw.p + v.raw.n <= s.p + s.n);
    enum err e = json_part_text(&v, a, &text);
    must(e != ERR_OK || text.n <= v.raw.n);
    struct json_parts it = json_parts_of(&v);
    while (json_parts_next(&it, &key, &x)) {
        must(x.raw.p >= v.raw.p && x.raw.p + x.raw.n <= v.raw.p + v.raw.n);
        if (depth < 8)
            json_is_read_inside_its_bytes(x.raw, a, depth + 1);
    }
}

static void what_is_written_as_json_reads_back(struct str s, struct arena *a)
{
    struct buf b;
    struct json j;
    struct json_part v;
    struct str again;
    buf_init(&b, s.n * 6 + 64);
    json_init(&j, &b);
    json_bytes(&j, s);
    must(json_end(&j) == ERR_OK && json_part_of(buf_view(&b), &v));
    must(json_part_text(&v, a, &again) == ERR_OK && str_eq(again, s));
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a, 64 * 1024 * 1024);
    json_is_read_inside_its_bytes(str_from(data, size), &a, 0);
    what_is_written_as_json_reads_back(str_from(data, size), &a);
    arena_done(&a);
    struct str s = str_from(data, size);
    an_address_is_inside_what_was_read(s);
    what_is_written_of_a_duration_reads_as_the_same_text(s);
    json_output_is_json_and_loses_no_utf8(s);
    return 0;
}
