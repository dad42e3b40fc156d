/* The small readers that see text from outside: addresses, durations, numbers, UTF-8, JSON output. */
#include "base/address.h"
#include "base/clock.h"
#include "base/json.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_from(data, size);
    an_address_is_inside_what_was_read(s);
    what_is_written_of_a_duration_reads_as_the_same_text(s);
    json_output_is_json_and_loses_no_utf8(s);
    return 0;
}
