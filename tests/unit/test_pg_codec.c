#include "tap.h"

#include "base/arena.h"
#include "base/json.h"
#include "source/pg/params.h"
#include "source/pg/startup.h"
#include "source/pg/wire.h"

static enum err first_of(struct arena *a, struct str bytes, struct pg_first *f)
{
    size_t used;
    struct str why = {NULL, 0};
    return pg_first_read(bytes, a, f, &used, &why);
}

static struct str packet(struct buf *b, uint32_t code, struct str rest)
{
    buf_clear(b);
    CHECK_OK(buf_put_u32(b, (uint32_t)(8 + rest.n)));
    CHECK_OK(buf_put_u32(b, code));
    CHECK_OK(buf_put_str(b, rest));
    return buf_view(b);
}

TEST(a_startup_packet_is_read_to_its_last_byte)
{
    struct arena a CLEANUP(arena_done);
    struct buf b CLEANUP(buf_done);
    struct pg_first f;
    arena_init(&a, 100000);
    buf_init(&b, 20000);
    CHECK_OK(first_of(&a, packet(&b, PG_PROTOCOL_3_0, STR("user\0ana\0\0")), &f));
    CHECK_STR(f.user, "ana");
    CHECK_STR(f.database, "ana");
    CHECK_ERR(first_of(&a, packet(&b, PG_PROTOCOL_3_0, STR("user\0ana\0")), &f), ERR_PROTOCOL);
    CHECK_ERR(first_of(&a, packet(&b, PG_PROTOCOL_3_0, STR("user\0ana\0\0x")), &f), ERR_PROTOCOL);
    CHECK_ERR(first_of(&a, packet(&b, PG_PROTOCOL_3_0, STR("database\0x\0\0")), &f), ERR_FORBIDDEN);
    CHECK_ERR(first_of(&a, packet(&b, PG_PROTOCOL_3_0, STR("user\0ana\0user\0bo\0\0")), &f), ERR_PROTOCOL);
    CHECK_ERR(first_of(&a, packet(&b, 2 << 16, STR("user\0ana\0\0")), &f), ERR_UNSUPPORTED);
    CHECK_ERR(first_of(&a, STR("\0\0\0\x09\0\3\0\0"), &f), ERR_INCOMPLETE);
    CHECK_ERR(first_of(&a, STR("\0\0\0\x07\0\3\0\0"), &f), ERR_PROTOCOL);
    CHECK_ERR(first_of(&a, STR("\xff\xff\xff\xff\0\3\0\0"), &f), ERR_PROTOCOL);
    CHECK_ERR(first_of(&a, STR("GET / HTTP/1.1\r\n"), &f), ERR_PROTOCOL);
}

TEST(a_name_the_server_would_cut_is_refused)
{
    struct arena a CLEANUP(arena_done);
    struct buf b CLEANUP(buf_done);
    struct buf name CLEANUP(buf_done);
    struct pg_first f;
    arena_init(&a, 100000);
    buf_init(&b, 20000);
    buf_init(&name, 1000);
    CHECK_OK(buf_put_cstr(&name, STR("user")));
    for (int i = 0; i < 64; i++)
        CHECK_OK(buf_put_u8(&name, 'a'));
    CHECK_OK(buf_put(&name, "\0\0", 2));
    CHECK_ERR(first_of(&a, packet(&b, PG_PROTOCOL_3_0, buf_view(&name)), &f), ERR_PROTOCOL);
}

TEST(a_newer_minor_version_is_answered_and_not_passed_on)
{
    struct arena a CLEANUP(arena_done);
    struct buf b CLEANUP(buf_done);
    struct buf out CLEANUP(buf_done);
    struct pg_first f;
    arena_init(&a, 100000);
    buf_init(&b, 20000);
    buf_init(&out, 20000);
    CHECK_OK(first_of(&a, packet(&b, PG_PROTOCOL_3_0 + 2, STR("user\0ana\0_pq_.x\0y\0\0")), &f));
    CHECK_OK(pg_startup_write(&out, &f, false));
    CHECK(str_eq(buf_view(&out), STR("\0\0\0\x12\0\3\0\0user\0ana\0\0")));
    buf_clear(&out);
    CHECK_OK(pg_negotiate_write(&out, &f));
    CHECK(str_eq(buf_view(&out), STR("v\0\0\0\x13\0\3\0\0\0\0\0\1_pq_.x\0")));
    CHECK_OK(first_of(&a, packet(&b, PG_PROTOCOL_3_0, STR("user\0ana\0\0")), &f));
    buf_clear(&out);
    CHECK_OK(pg_negotiate_write(&out, &f));
    CHECK(buf_len(&out) == 0);
}

TEST(startup_options_are_taken_apart_as_the_server_does)
{
    struct arena a CLEANUP(arena_done);
    struct pg_setting *s;
    size_t n;
    arena_init(&a, 100000);
    CHECK_OK(pg_options_read(STR("-c a=b --search-path=x\\ y  -cgeqo=off"), &a, &s, &n));
    CHECK(n == 3);
    CHECK_STR(s[0].name, "a");
    CHECK_STR(s[1].name, "search_path");
    CHECK_STR(s[1].value, "x y");
    CHECK_STR(s[2].value, "off");
    CHECK_ERR(pg_options_read(STR("-d 5"), &a, &s, &n), ERR_INVALID);
    CHECK_ERR(pg_options_read(STR("-c"), &a, &s, &n), ERR_INVALID);
    CHECK_ERR(pg_options_read(STR("--x"), &a, &s, &n), ERR_INVALID);
    CHECK(pg_options_read(STR("  "), &a, &s, &n) == ERR_OK && n == 0);
}

TEST(a_message_that_ends_early_or_late_is_refused)
{
    struct str text;
    struct pg_parse p;
    struct pg_bind b;
    struct pg_execute x;
    struct pg_named d;
    uint32_t oid;
    CHECK_ERR(pg_read_query(STR("SELECT 1"), &text), ERR_PROTOCOL);
    CHECK_ERR(pg_read_query(STR("SELECT 1\0; DELETE\0"), &text), ERR_PROTOCOL);
    CHECK_OK(pg_read_query(STR("SELECT 1\0"), &text));
    /* The NUL inside shifts the rest of the statement into the parameter types. */
    CHECK_ERR(pg_read_parse(STR("\0SELECT 1\0DELETE\0\0\0"), &p), ERR_PROTOCOL);
    CHECK_OK(pg_read_parse(STR("s\0SELECT $1\0\0\1\0\0\0\x17"), &p));
    CHECK_ERR(pg_read_bind(STR("\0\0\0\0\0\1\0\0\0\5abcd\0\0"), &b), ERR_PROTOCOL);
    CHECK_ERR(pg_read_bind(STR("\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"), &b), ERR_PROTOCOL);
    CHECK_ERR(pg_read_bind(STR("\0\0\0\1\0\2\0\1\xff\xff\xff\xff\0\0"), &b), ERR_PROTOCOL); /* format 2 */
    CHECK_OK(pg_read_bind(STR("\0\0\0\1\0\1\0\1\xff\xff\xff\xff\0\0"), &b));
    CHECK_ERR(pg_read_execute(STR("p\0\0\0\0"), &x), ERR_PROTOCOL);
    CHECK_ERR(pg_read_named(STR("X\0"), &d), ERR_PROTOCOL);
    CHECK_ERR(pg_read_function_call(STR("\0\0\0\1"), &oid), ERR_PROTOCOL);
}

static void params(struct str body, const uint32_t *types, uint16_t n, const char *want)
{
    struct buf out CLEANUP(buf_done);
    struct json j;
    struct pg_bind b;
    buf_init(&out, 10000);
    CHECK_OK(pg_read_bind(body, &b));
    json_init(&j, &out);
    pg_params_put(&j, &b, types, n);
    CHECK_OK(json_end(&j));
    CHECK_STR(buf_view(&out), want);
}

TEST(parameters_are_shown_as_what_the_server_will_take_them_for)
{
    const uint32_t t[] = {23, 1043, 0};
    params(STR("\0\0\0\0\0\3\0\0\0\2" "42\0\0\0\1x\xff\xff\xff\xff\0\0"), t, 3,
           "[{\"type\":\"int4\",\"value\":\"42\"},{\"type\":\"varchar\",\"value\":\"x\"},{\"value\":null}]");
    params(STR("\0\0\0\1\0\1\0\1\0\0\0\4\0\0\0\x2a\0\0"), t, 1, "[{\"type\":\"int4\",\"value\":\"42\"}]");
    /* Binary of no known type, and bytes that are no value of theirs, are shown as they are. */
    params(STR("\0\0\0\1\0\1\0\1\0\0\0\4\0\0\0\x2a\0\0"), t, 0, "[{\"hex\":\"0000002a\"}]");
    params(STR("\0\0\0\1\0\1\0\1\0\0\0\2\0\x2a\0\0"), t, 1, "[{\"type\":\"int4\",\"hex\":\"002a\"}]");
    params(STR("\0\0\0\0\0\1\0\0\0\1\xff\0\0"), t, 1, "[{\"type\":\"int4\",\"hex\":\"ff\"}]");
    const uint32_t others[] = {600};
    params(STR("\0\0\0\0\0\1\0\0\0\1x\0\0"), others, 1, "[{\"type\":\"oid 600\",\"value\":\"x\"}]");
}

static void binary(uint32_t oid, struct str value, const char *want)
{
    struct buf body CLEANUP(buf_done);
    char json[300];
    buf_init(&body, 1000);
    CHECK_OK(buf_put(&body, "\0\0\0\1\0\1\0\1", 8));
    CHECK_OK(buf_put_u32(&body, (uint32_t)value.n));
    CHECK_OK(buf_put_str(&body, value));
    CHECK_OK(buf_put_u16(&body, 0));
    (void)snprintf(json, sizeof(json), "[{\"type\":%s}]", want);
    params(buf_view(&body), &oid, 1, json);
}

TEST(binary_values_are_decoded_as_the_server_sends_them)
{
    binary(16, STR("\1"), "\"bool\",\"value\":\"true\"");
    binary(16, STR("\2"), "\"bool\",\"hex\":\"02\"");
    binary(21, STR("\xff\xff"), "\"int2\",\"value\":\"-1\"");
    binary(20, STR("\x7f\xff\xff\xff\xff\xff\xff\xff"), "\"int8\",\"value\":\"9223372036854775807\"");
    binary(701, STR("\x3f\xf8\0\0\0\0\0\0"), "\"float8\",\"value\":\"1.5\"");
    binary(1082, STR("\0\0\0\0"), "\"date\",\"value\":\"2000-01-01\"");
    binary(1114, STR("\0\0\0\0\0\0\0\1"), "\"timestamp\",\"value\":\"2000-01-01 00:00:00.000001\"");
    binary(1114, STR("\xff\xff\xff\xff\xff\xff\xff\xff"),
           "\"timestamp\",\"value\":\"1999-12-31 23:59:59.999999\"");
    binary(1184, STR("\0\0\0\0\0\0\0\0"), "\"timestamptz\",\"value\":\"2000-01-01 00:00:00+00\"");
    binary(1184, STR("\x7f\xff\xff\xff\xff\xff\xff\xff"), "\"timestamptz\",\"value\":\"infinity\"");
    binary(2950, STR("\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0"),
           "\"uuid\",\"value\":\"12345678-9abc-def0-1234-56789abcdef0\"");
    /* 12345.67, -0.05, 10000 */
    binary(1700, STR("\0\3\0\1\0\0\0\2\0\1\x09\x29\x1a\x2c"), "\"numeric\",\"value\":\"12345.67\"");
    binary(1700, STR("\0\1\xff\xff\x40\0\0\2\1\xf4"), "\"numeric\",\"value\":\"-0.05\"");
    binary(1700, STR("\0\1\0\1\0\0\0\0\0\1"), "\"numeric\",\"value\":\"10000\"");
    binary(1700, STR("\0\2\0\1\0\0\0\0\0\1"), "\"numeric\",\"hex\":\"00020001000000000001\"");
    binary(25, STR("a\"b"), "\"text\",\"value\":\"a\\\"b\"");
    binary(17, STR("\xde\xad"), "\"bytea\",\"hex\":\"dead\"");
}

TEST(a_nul_in_a_report_cannot_end_it_early)
{
    struct buf out CLEANUP(buf_done);
    struct pg_report r = {"ERROR", "ZC001", STR("a\0b"), {NULL, 0}, STR("h")};
    buf_init(&out, 1000);
    CHECK_OK(pg_put_report(&out, &r));
    struct str body = {buf_view(&out).p + PG_HEADER, buf_len(&out) - PG_HEADER};
    CHECK_STR(pg_report_field(body, 'M'), "a b");
    CHECK_STR(pg_report_field(body, 'H'), "h");
    CHECK(pg_report_field(body, 'D').n == 0);
    CHECK(pg_length(buf_view(&out).p) + 1 == buf_len(&out));
}

TAP_MAIN(T(a_startup_packet_is_read_to_its_last_byte), T(a_name_the_server_would_cut_is_refused),
         T(a_newer_minor_version_is_answered_and_not_passed_on),
         T(startup_options_are_taken_apart_as_the_server_does),
         T(a_message_that_ends_early_or_late_is_refused),
         T(parameters_are_shown_as_what_the_server_will_take_them_for),
         T(binary_values_are_decoded_as_the_server_sends_them), T(a_nul_in_a_report_cannot_end_it_early))
