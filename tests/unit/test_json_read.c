#include "tap.h"

#include "base/json.h"
#include "base/json_read.h"

static struct json_part part(const char *text)
{
    struct json_part v = {JSON_IS_NIL, {NULL, 0}};
    CHECK(json_part_of(str_of(text), &v));
    return v;
}

static struct str text_of(struct arena *a, const char *json)
{
    struct json_part v = part(json);
    struct str s = STR("?");
    CHECK_OK(json_part_text(&v, a, &s));
    return s;
}

TEST(a_member_is_found_whatever_stands_before_it)
{
    struct json_part v = part("{\"a\":{\"b\":\"}\\\\\\\"{\"},\"c\":[1,[2,{\"b\":3}]],\"b\":4,\"b\":5}"), b, none;
    int64_t i = 0;
    CHECK(json_member(&v, "b", &b));
    CHECK_OK(json_part_int(&b, &i));
    CHECK(i == 4);
    CHECK(!json_member(&v, "d", &none));
    CHECK(json_member(&v, "a", &b));
    CHECK_STR(b.raw, "{\"b\":\"}\\\\\\\"{\"}");
    static const char *const names[] = {"c", "d", "a"};
    struct json_part picked[3];
    json_pick(&v, names, 3, picked);
    CHECK(picked[0].kind == JSON_IS_ARRAY && picked[1].kind == JSON_IS_MISSING && picked[2].kind == JSON_IS_OBJECT);
    struct json_part array = part("[\"b\",1]");
    CHECK(!json_member(&array, "b", &none));
}

TEST(elements_come_in_order)
{
    struct json_part v = part(" [ 1 , \"two\" ,\n{} , true,null ] "), x;
    struct json_parts it = json_parts_of(&v);
    struct str key;
    const enum json_kind kinds[] = {JSON_IS_NUMBER, JSON_IS_STRING, JSON_IS_OBJECT, JSON_IS_BOOL, JSON_IS_NIL};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        CHECK(json_parts_next(&it, &key, &x) && x.kind == kinds[i] && key.n == 0);
    CHECK(!json_parts_next(&it, &key, &x));
}

TEST(escapes_give_the_characters_they_stand_for)
{
    struct arena a;
    arena_init(&a, 64 * 1024);
    CHECK_STR(text_of(&a, "\"\""), "");
    CHECK_STR(text_of(&a, "\"a\\n\\t\\\"\\\\\\/\\u00e9\\u20ac\\ud83d\\ude00\""), "a\n\t\"\\/é€😀");
    CHECK_STR(text_of(&a, "\"\\ud83dx\""), "\xef\xbf\xbdx");
    CHECK(text_of(&a, "\"\\u0000x\"").n == 2);
    CHECK_STR(text_of(&a, "{\"hex\":\"c3A9\"}"), "é");
    arena_done(&a);
}

TEST(what_is_no_text_is_refused)
{
    static const char *const bad[] = {"1", "{}", "{\"hex\":\"a\"}", "{\"hex\":\"zz\"}", "\"\\x\"", "\"\\u12g4\""};
    struct arena a;
    struct str s;
    arena_init(&a, 64 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct json_part v = part(bad[i]);
        CHECK_ERR(json_part_text(&v, &a, &s), ERR_INVALID);
    }
    arena_done(&a);
}

TEST(what_is_no_json_ends_early_and_inside)
{
    static const char *const bad[] = {"", " ", "{", "[", "\"", "\"\\\"", "{\"a\"", "{\"a\":", "[1,", "1 2", "{}}", ","};
    struct json_part v;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!json_part_of(str_of(bad[i]), &v));
    struct json_part odd = part("{\"a\" 1,\"b\":2}"), x;
    CHECK(!json_member(&odd, "b", &x));
}

TEST(what_was_written_reads_back)
{
    static const char *const texts[] = {"", "plain", "\"\\\n\r\t\x01\x7f", "é€😀", "a\xff\xfez", "\xed\xa0\x80"};
    struct arena a;
    arena_init(&a, 64 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct buf out;
        struct json j;
        struct json_part v = {JSON_IS_NIL, {NULL, 0}};
        struct str s = STR("?");
        buf_init(&out, 4096);
        json_init(&j, &out);
        json_bytes(&j, str_of(texts[i]));
        CHECK_OK(json_end(&j));
        CHECK(json_part_of(buf_view(&out), &v));
        CHECK_OK(json_part_text(&v, &a, &s));
        CHECK_STR(s, texts[i]);
        buf_done(&out);
    }
    arena_done(&a);
}

TAP_MAIN(T(a_member_is_found_whatever_stands_before_it), T(elements_come_in_order),
         T(escapes_give_the_characters_they_stand_for), T(what_is_no_text_is_refused),
         T(what_is_no_json_ends_early_and_inside), T(what_was_written_reads_back))
