#include "tap.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/digest.h"
#include "base/json.h"

#include <stdlib.h>

TEST(a_buffer_never_grows_past_its_cap)
{
    struct buf b;
    buf_init(&b, 8);
    CHECK_OK(buf_put(&b, "1234567", 7));
    CHECK_ERR(buf_put(&b, "89", 2), ERR_LIMIT);
    CHECK_STR(buf_view(&b), "1234567");
    buf_consume(&b, 6);
    CHECK_OK(buf_put(&b, "8901234", 7));
    CHECK_STR(buf_view(&b), "78901234");
    CHECK_ERR(buf_put(&b, "x", SIZE_MAX), ERR_LIMIT);
    buf_done(&b);
}

TEST(a_cursor_past_the_end_is_bad_for_good)
{
    struct cursor c = cursor_of(STR("\x00\x01\x02"));
    CHECK(cursor_u16(&c) == 1);
    CHECK(cursor_u32(&c) == 0 && c.bad);
    CHECK(cursor_u8(&c) == 0);
    CHECK(!cursor_ended_well(&c));
    struct cursor z = cursor_of(STR("ab\0c"));
    CHECK_STR(cursor_cstr(&z), "ab");
    CHECK(cursor_cstr(&z).p == NULL && z.bad);
    struct cursor none = cursor_of((struct str){NULL, 0});
    CHECK(cursor_ended_well(&none));
    CHECK(cursor_cstr(&none).n == 0 && none.bad);
}

TEST(an_arena_refuses_beyond_its_cap_and_is_whole_again_after_reset)
{
    struct arena a;
    arena_init(&a, 10000);
    CHECK(arena_alloc(&a, 9000) != NULL);
    CHECK(arena_alloc(&a, 2000) == NULL);
    CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
    CHECK(arena_array(&a, SIZE_MAX / 2, 4) == NULL);
    arena_reset(&a);
    CHECK(arena_alloc(&a, 9000) != NULL);
    arena_done(&a);
}

TEST(utf8_is_checked_as_rfc_3629_says)
{
    CHECK(str_is_utf8(STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    CHECK(!str_is_utf8(STR("\xc0\x80")));         /* overlong */
    CHECK(!str_is_utf8(STR("\xed\xa0\x80")));     /* surrogate */
    CHECK(!str_is_utf8(STR("\xf4\x90\x80\x80"))); /* above U+10FFFF */
    CHECK(!str_is_utf8(STR("\xe2\x82")));         /* cut */
    CHECK(!str_is_utf8(STR("\x80")));
}

TEST(numbers_out_of_range_are_errors)
{
    uint64_t u;
    int64_t i;
    CHECK(str_to_u64(STR("18446744073709551615"), &u) == ERR_OK && u == UINT64_MAX);
    CHECK_ERR(str_to_u64(STR("18446744073709551616"), &u), ERR_LIMIT);
    CHECK_ERR(str_to_u64(STR(""), &u), ERR_INVALID);
    CHECK_ERR(str_to_u64(STR("+1"), &u), ERR_INVALID);
    CHECK(str_to_i64(STR("-9223372036854775808"), &i) == ERR_OK && i == INT64_MIN);
    CHECK_ERR(str_to_i64(STR("9223372036854775808"), &i), ERR_LIMIT);
}

TEST(durations_read_as_they_are_written)
{
    int64_t ns;
    char out[CLOCK_TEXT];
    CHECK(duration_parse(STR("15m"), &ns) == ERR_OK && ns == 900 * NS_PER_S);
    CHECK_STR(duration_text(ns, out), "15m");
    CHECK(duration_parse(STR("1h30m"), &ns) == ERR_OK && ns == 5400 * NS_PER_S);
    CHECK_STR(duration_text(ns, out), "1h30m");
    CHECK_STR(duration_text(3600 * NS_PER_S, out), "1h");
    CHECK_STR(duration_text(0, out), "0s");
    CHECK_STR(duration_text(120 * NS_PER_MS, out), "120ms");
    CHECK_ERR(duration_parse(STR("15"), &ns), ERR_INVALID);
    CHECK_ERR(duration_parse(STR("m"), &ns), ERR_INVALID);
    CHECK_ERR(duration_parse(STR("400d"), &ns), ERR_LIMIT);
    CHECK_ERR(duration_parse(STR("99999999999999999999d"), &ns), ERR_LIMIT);
}

TEST(the_time_is_written_as_rfc_3339)
{
    char out[CLOCK_TEXT];
    CHECK_STR(clock_text(INT64_C(1700000000123) * NS_PER_MS, out), "2023-11-14T22:13:20.123Z");
}

TEST(a_digest_is_sha256)
{
    char hex[DIGEST_HEX + 1];
    struct digest d = digest_of(STR("abc")), e;
    CHECK_STR(digest_hex(&d, hex),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_OK(digest_parse(str_of(hex), &e));
    CHECK(digest_eq(&d, &e));
    hex[0] = 'B';
    CHECK_ERR(digest_parse(str_of(hex), &e), ERR_INVALID);
    e.b[31] ^= 1;
    CHECK(!digest_eq(&d, &e));
}

TEST(base64_is_strict)
{
    struct buf b;
    buf_init(&b, 100);
    CHECK_OK(base64_put(&b, STR("hello")));
    CHECK_STR(buf_view(&b), "aGVsbG8=");
    buf_clear(&b);
    CHECK_OK(base64_decode(STR("aGVsbG8="), &b));
    CHECK_STR(buf_view(&b), "hello");
    CHECK_ERR(base64_decode(STR("aGVsbG8"), &b), ERR_INVALID);
    CHECK_ERR(base64_decode(STR("aGVs\nG8="), &b), ERR_INVALID);
    buf_done(&b);
}

TEST(json_escapes_controls_and_keeps_bytes_that_are_not_utf8)
{
    struct buf b;
    struct json j;
    buf_init(&b, 1000);
    json_init(&j, &b);
    json_object_begin(&j);
    json_put_str(&j, "a", STR("x\"\n\0\\"));
    json_key(&j, "l");
    json_array_begin(&j);
    json_int(&j, -1);
    json_bool(&j, true);
    json_nil(&j);
    json_double(&j, 0.1);
    json_array_end(&j);
    json_key(&j, "h");
    json_bytes(&j, STR("\xff\x00"));
    json_put_str(&j, "r", STR("a\xff" "b"));
    json_object_end(&j);
    CHECK_OK(json_end(&j));
    CHECK_STR(buf_view(&b), "{\"a\":\"x\\\"\\n\\u0000\\\\\",\"l\":[-1,true,null,0.1],"
                            "\"h\":{\"hex\":\"ff00\"},\"r\":\"a\xef\xbf\xbd" "b\"}");
    buf_done(&b);
}

TEST(a_json_document_that_does_not_fit_is_an_error)
{
    struct buf b;
    struct json j;
    buf_init(&b, 4);
    json_init(&j, &b);
    json_str(&j, STR("too long"));
    CHECK_ERR(json_end(&j), ERR_LIMIT);
    buf_done(&b);
}

TAP_MAIN(T(a_buffer_never_grows_past_its_cap), T(a_cursor_past_the_end_is_bad_for_good),
         T(an_arena_refuses_beyond_its_cap_and_is_whole_again_after_reset),
         T(utf8_is_checked_as_rfc_3629_says), T(numbers_out_of_range_are_errors),
         T(durations_read_as_they_are_written), T(the_time_is_written_as_rfc_3339),
         T(a_digest_is_sha256), T(base64_is_strict),
         T(json_escapes_controls_and_keeps_bytes_that_are_not_utf8),
         T(a_json_document_that_does_not_fit_is_an_error))
