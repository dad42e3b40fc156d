#include "tap.h"

#include <stdio.h>

#include "base/limits.h"
#include "model/display.h"

static void check_line(struct str s, const char *want)
{
    struct buf out;
    buf_init(&out, MIB);
    CHECK_OK(display_line(&out, s));
    CHECK_STR(buf_view(&out), want);
    CHECK(display_has_hidden(s) == !str_eq(buf_view(&out), s));
    buf_done(&out);
}

#define LINE(text, want) check_line(STR(text), want)

TEST(ordinary_text_is_as_it_was)
{
    LINE("", "");
    LINE("DELETE FROM orders WHERE id = 1; -- \\ {}", "DELETE FROM orders WHERE id = 1; -- \\ {}");
    LINE("größe naïve coöperation żółw İstanbul", "größe naïve coöperation żółw İstanbul");
    LINE("таблица заказов", "таблица заказов");
    LINE("πίνακας", "πίνακας");
    LINE("注文 テーブル 주문 طلبات הזמנות ไทย हिन्दी", "注文 テーブル 주문 طلبات הזמנות ไทย हिन्दी");
    LINE("🗑 ✓ → €", "🗑 ✓ → €");
}

/* I12, A6: hostile text cannot lie. */
TEST(what_is_invisible_or_reorders_is_named)
{
    LINE("a\x1b[2Kb", "a⟦U+001B⟧[2Kb");
    LINE("a\nb\tc\rd", "a⟦U+000A⟧b⟦U+0009⟧c⟦U+000D⟧d");
    LINE("a\0b", "a⟦U+0000⟧b");
    LINE("a\x7f\xc2\x9b", "a⟦U+007F⟧⟦U+009B⟧");
    LINE("user\xe2\x80\xae ;/* \xe2\x81\xa6", "user⟦U+202E⟧ ;/* ⟦U+2066⟧");
    LINE("or\xe2\x80\x8b"
         "ders",
         "or⟦U+200B⟧ders");
    LINE("\xef\xbb\xbfSELECT", "⟦U+FEFF⟧SELECT");
    LINE("a\xc2\xa0"
         "b\xe3\x80\x80"
         "c",
         "a⟦U+00A0⟧b⟦U+3000⟧c");
    LINE("a\xc2\xad"
         "b",
         "a⟦U+00AD⟧b");
    LINE("a\xe2\x80\xa8"
         "b",
         "a⟦U+2028⟧b");
    LINE("=\xcc\xb8", "=⟦U+0338⟧");
    LINE("\xe3\x85\xa4", "⟦U+3164⟧");
    LINE("a\xf3\xa0\x81\x81", "a⟦U+E0041⟧");
    LINE("a\xef\xb8\x8f", "a⟦U+FE0F⟧");
    LINE("\xef\xbf\xbd", "⟦U+FFFD⟧");
    LINE("\xee\x80\x80", "⟦U+E000⟧");
}

TEST(letters_that_imitate_latin_ones_are_named_where_they_hide)
{
    LINE("DELETE FROM \xd0\xberders", "DELETE FROM ⟦U+043E⟧rders");
    LINE("DELETE FROM \xd0\xb7\xd0\xb0\xd0\xba\xd0\xb0\xd0\xb7", "DELETE FROM заказ");
    LINE("x_\xce\xbf", "x_⟦U+03BF⟧");
    LINE("\xef\xbd\x84\xef\xbd\x82", "⟦U+FF44⟧⟦U+FF42⟧");
    LINE("\xf0\x9d\x90\x80", "⟦U+1D400⟧");
    LINE("\xc9\xa1rant", "⟦U+0261⟧rant");
}

TEST(an_escape_cannot_be_faked)
{
    LINE("⟦U+0041⟧", "⟦U+27E6⟧U+0041⟦U+27E7⟧");
}

TEST(bytes_that_are_no_utf8_are_named_one_by_one)
{
    LINE("a\xff"
         "b",
         "a⟦0xFF⟧b");
    LINE("\xc0\xaf", "⟦0xC0⟧⟦0xAF⟧");
    LINE("\xed\xa0\x80", "⟦0xED⟧⟦0xA0⟧⟦0x80⟧");
    LINE("\xf4\x90\x80\x80", "⟦0xF4⟧⟦0x90⟧⟦0x80⟧⟦0x80⟧");
    LINE("ab\xe2\x80", "ab⟦0xE2⟧⟦0x80⟧");
}

/* Every code point is either itself or named: nothing vanishes. */
TEST(no_code_point_is_left_out)
{
    size_t vanished = 0;
    for (uint32_t c = 1; c < 0x110000; c++) {
        char p[4], name[16];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
        for (size_t i = n - 1; i > 0; i--)
            p[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
        p[0] = (char)(lead[n] | c >> 6 * (n - 1));
        struct str s = {p, n};
        struct buf out;
        buf_init(&out, KIB);
        if (!str_is_utf8(s))
            continue;
        CHECK_OK(display_line(&out, s));
        snprintf(name, sizeof(name), "U+%04X", c);
        vanished += !str_eq(buf_view(&out), s) && !str_contains(buf_view(&out), str_of(name));
        buf_done(&out);
    }
    CHECK(vanished == 0);
}

static void check_text(struct str s, size_t width, const char *want)
{
    struct display_block b = {STR("| "), STR(": "), width};
    struct buf out;
    buf_init(&out, MIB);
    CHECK_OK(display_text(&out, s, &b));
    CHECK_STR(buf_view(&out), want);
    buf_done(&out);
}

TEST(every_line_of_a_text_has_the_margin)
{
    check_text(STR(""), 0, "| \n");
    check_text(STR("a\nb"), 0, "| a\n| b\n");
    check_text(STR("a\n"), 0, "| a\n| \n");
    check_text(STR("a\r\nb\tc"), 0, "| a⟦U+000D⟧\n| b\tc\n");
    check_text(STR("a\xe2\x80\xa8| b"), 0, "| a⟦U+2028⟧| b\n");
}

TEST(a_long_line_is_wrapped_and_stays_whole)
{
    check_text(STR("abcdefgh"), 3, "| abc\n: def\n: gh\n");
    check_text(STR("abc\nd"), 3, "| abc\n| d\n");
    check_text(STR("ab\x01"
                   "c"),
               4, "| ab\n: ⟦U+0001⟧\n: c\n");
    check_text(STR("注文注"), 4, "| 注文\n: 注\n");
}

TEST(a_limit_of_the_buffer_is_an_error_not_a_cut)
{
    struct buf out;
    buf_init(&out, 4);
    CHECK_ERR(display_line(&out, STR("abcde")), ERR_LIMIT);
    buf_done(&out);
}

TAP_MAIN(T(ordinary_text_is_as_it_was), T(what_is_invisible_or_reorders_is_named),
         T(letters_that_imitate_latin_ones_are_named_where_they_hide), T(an_escape_cannot_be_faked),
         T(bytes_that_are_no_utf8_are_named_one_by_one), T(no_code_point_is_left_out),
         T(every_line_of_a_text_has_the_margin), T(a_long_line_is_wrapped_and_stays_whole),
         T(a_limit_of_the_buffer_is_an_error_not_a_cut))
