/* Canonical JSON: the examples of RFC 8785 (sections 3.2.2, 3.2.3, appendix B), and hostile input. */
#include "tap.h"

#include "base/canonical.h"
#include "base/limits.h"

#include <stdlib.h>

static enum err canonical(const char *in, size_t n, enum canonical_integers integers, struct buf *out)
{
    struct canonical c CLEANUP(canonical_done);
    canonical_init(&c, integers);
    buf_clear(out);
    return canonical_put(&c, (struct str){in, n}, out);
}

static void becomes(const char *in, const char *want)
{
    struct buf out CLEANUP(buf_done) = {0}, again CLEANUP(buf_done) = {0};
    buf_init(&out, 1 * MIB);
    buf_init(&again, 1 * MIB);
    CHECK_OK(canonical(in, strlen(in), CANONICAL_AS_DOUBLE, &out));
    CHECK_STR(buf_view(&out), want);
    CHECK_OK(canonical(buf_view(&out).p, buf_len(&out), CANONICAL_AS_DOUBLE, &again));
    CHECK(str_eq(buf_view(&out), buf_view(&again)));
}

TEST(the_example_of_section_3_2_2)
{
    becomes("{\n \"numbers\": [333333333.33333329, 1E30, 4.50,\n 2e-3, 0.000000000000000000000000001],\n"
            " \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
            " \"literals\": [null, true, false]\n}",
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(the_example_of_section_3_2_3_sorts_by_utf16)
{
    becomes("{\"\\u20ac\": \"Euro Sign\", \"\\r\": \"Carriage Return\", \"\\ufb33\": \"Hebrew Letter Dalet "
            "With Dagesh\", \"1\": \"One\", \"\\ud83d\\ude00\": \"Emoji: Grinning Face\", \"\\u0080\": "
            "\"Control\", \"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}",
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"\xc3\xb6\":\"Latin Small "
            "Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning "
            "Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST(the_numbers_of_appendix_B)
{
    static const struct {
        uint64_t bits;
        const char *want;
    } samples[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        char text[64];
        double v;
        memcpy(&v, &samples[i].bits, sizeof(v));
        (void)snprintf(text, sizeof(text), "%.17g", v);
        becomes(text, samples[i].want);
    }
}

TEST(integers_beyond_a_double_become_strings_where_nothing_may_be_lost)
{
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 1 * MIB);
    static const char in[] = "[9007199254740991,9007199254740993,-18446744073709551615,1.5]";
    CHECK_OK(canonical(in, strlen(in), CANONICAL_AS_STRING, &out));
    CHECK_STR(buf_view(&out), "[9007199254740991,\"9007199254740993\",\"-18446744073709551615\",1.5]");
    CHECK_OK(canonical(in, strlen(in), CANONICAL_AS_DOUBLE, &out));
    CHECK_STR(buf_view(&out), "[9007199254740991,9007199254740992,-18446744073709552000,1.5]");
}

TEST(nested_objects_are_sorted_each)
{
    becomes("{\"b\":{\"z\":1,\"y\":[{\"d\":1,\"c\":2}]},\"a\":{}, \"B\":[ ]}",
            "{\"B\":[],\"a\":{},\"b\":{\"y\":[{\"c\":2,\"d\":1}],\"z\":1}}");
    becomes(" [ ] ", "[]");
    becomes("\"\\u0000\\u007f\\u001f\"", "\"\\u0000\x7f\\u001f\"");
}

TEST(names_that_differ_only_in_escapes_are_ordered_by_what_they_mean)
{
    becomes("{\"a\\\"\":1,\"a!\":2,\"a\\u0000\":3,\"a\":4,\"a\\t\":5}",
            "{\"a\":4,\"a\\u0000\":3,\"a\\t\":5,\"a!\":2,\"a\\\"\":1}");
}

TEST(what_is_no_json_or_has_no_canonical_form_is_refused_and_nothing_is_written)
{
    static const char *const bad[] = {
        "", " ", "{", "}", "[", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "01", "+1", ".5", "1.", "1e", "--1",
        "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\xff\"", "\"\x01\"", "\"abc",
        "{\"a\":1,\"a\":2}", "{\"b\":1,\"a\":2,\"\\u0062\":3}", "1e999", "-1e999", "nul", "truex", "1 2", "{} {}",
        "NaN", "Infinity", "'a'", "\"\\u12\"", "\"\\",
    };
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 1 * MIB);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(canonical(bad[i], strlen(bad[i]), CANONICAL_AS_DOUBLE, &out), ERR_INVALID);
        CHECK(buf_len(&out) == 0);
    }
}

TEST(nesting_has_a_limit)
{
    char deep[2 * LIMIT_JSON_DEPTH + 8];
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 1 * MIB);
    memset(deep, '[', LIMIT_JSON_DEPTH + 1);
    memset(deep + LIMIT_JSON_DEPTH + 1, ']', LIMIT_JSON_DEPTH + 1);
    CHECK_ERR(canonical(deep, 2 * (LIMIT_JSON_DEPTH + 1), CANONICAL_AS_DOUBLE, &out), ERR_LIMIT);
    CHECK_OK(canonical(deep + 1, 2 * LIMIT_JSON_DEPTH, CANONICAL_AS_DOUBLE, &out));
}

TEST(the_members_of_the_outermost_object_are_told)
{
    struct canonical c CLEANUP(canonical_done);
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 1 * MIB);
    canonical_init(&c, CANONICAL_AS_STRING);
    CHECK_OK(buf_put_str(&out, STR("before")));
    CHECK_OK(canonical_put(&c, STR("{\"bb\":{\"x\":[{}]},\"a\":7}"), &out));
    CHECK(c.n_members == 2);
    const char *base = buf_view(&out).p + 6;
    CHECK_STR(str_from(base + c.members[0].at, c.members[0].n), "\"a\":7");
    CHECK_STR(str_from(base + c.members[1].at, c.members[1].n), "\"bb\":{\"x\":[{}]}");
    CHECK_STR(str_from(base + c.members[1].at, c.members[1].name_n), "\"bb\"");
}

TAP_MAIN(T(the_example_of_section_3_2_2), T(the_example_of_section_3_2_3_sorts_by_utf16),
         T(the_numbers_of_appendix_B),
         T(integers_beyond_a_double_become_strings_where_nothing_may_be_lost),
         T(nested_objects_are_sorted_each),
         T(names_that_differ_only_in_escapes_are_ordered_by_what_they_mean),
         T(what_is_no_json_or_has_no_canonical_form_is_refused_and_nothing_is_written),
         T(nesting_has_a_limit), T(the_members_of_the_outermost_object_are_told))
