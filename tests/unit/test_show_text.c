#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "cmd/show_text.h"
#include "cmd/table.h"

/* A request as the API gives it, around an envelope; `digest_of_envelope` false: another digest. */
static json_t *request_of(struct str envelope, const char *more, bool digest_of_envelope)
{
    struct buf b;
    struct json j;
    char hex[DIGEST_HEX + 1];
    struct digest d = digest_of(envelope);
    if (!digest_of_envelope)
        d.b[31] ^= 1;
    buf_init(&b, 64 * MIB);
    json_init(&j, &b);
    json_object_begin(&j);
    json_put_int(&j, "id", 42);
    json_put_z(&j, "state", "pending");
    json_put_str(&j, "digest", digest_hex(&d, hex));
    json_put_str(&j, "envelope", envelope);
    json_put_z(&j, "now", "2026-11-22T17:20:00.000Z");
    json_put_z(&j, "created", "2026-11-22T17:19:00.000Z");
    json_put_z(&j, "decide_by", "2026-11-22T17:34:30.000Z");
    json_put_bool(&j, "may_vote", true);
    json_object_end(&j);
    CHECK_OK(json_end(&j));
    json_t *v = json_loadb(buf_view(&b).p, buf_len(&b), JSON_ALLOW_NUL, NULL);
    json_t *rest = json_loads(more, 0, NULL);
    CHECK(v != NULL && rest != NULL && json_object_update(v, rest) == 0);
    json_decref(rest);
    buf_done(&b);
    return v;
}

#define ENVELOPE(action)                                                                           \
    "{\"countersign\":1,\"kind\":\"sql\",\"subject\":{\"name\":\"app\",\"kind\":\"service\"},"     \
    "\"resource\":{\"name\":\"shop\",\"type\":\"postgres\",\"labels\":{\"tier\":\"one\","          \
    "\"environment\":\"production\"}},\"action\":" action "}"

/* What show_request writes, at the given width; the caller frees. */
static char *shown(struct str envelope, const char *more, size_t width)
{
    json_t *r = request_of(envelope, more, true);
    struct shown_request s;
    struct buf out;
    char *text = NULL;
    buf_init(&out, 64 * MIB);
    CHECK_OK(shown_init(&s, r));
    CHECK_OK(show_request(&out, &s, (struct style){.width = width}));
    CHECK_OK(buf_take_cstr(&out, &text));
    shown_done(&s);
    json_decref(r);
    return text;
}

static void check_has(const char *text, const char *needle)
{
    bool has = strstr(text, needle) != NULL;
    CHECK(has);
    if (!has)
        printf("# \"%s\" is missing in:\n# %.2000s\n", needle, text);
}

/* --- The digest --------------------------------------------------------------------------------
 */

/* Invariant 2, from the approver's side: what is shown is what the digest covers. */
TEST(an_action_that_is_not_what_its_digest_says_is_not_shown)
{
    struct shown_request s;
    json_t *r = request_of(STR(ENVELOPE("{\"text\":\"SELECT 1\"}")), "{}", false);
    CHECK_ERR(shown_init(&s, r), ERR_STALE);
    json_decref(r);
}

TEST(the_digest_is_that_of_the_bytes_as_they_came)
{
    struct shown_request s;
    struct str e = STR("{ \"action\" : {\"text\":\"\\u0041\"} }");
    struct digest d = digest_of(e);
    json_t *r = request_of(e, "{}", true);
    CHECK_OK(shown_init(&s, r));
    CHECK(digest_eq(&s.digest, &d));
    shown_done(&s);
    json_decref(r);
}

TEST(an_envelope_that_can_be_read_two_ways_is_not_shown)
{
    static const char *const bad[] = {
        "{\"action\":{\"text\":\"SELECT 1\",\"text\":\"DROP TABLE t\"}}", "[]", "{} {}", "{", "x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct shown_request s;
        json_t *r = request_of(str_of(bad[i]), "{}", true);
        CHECK_ERR(shown_init(&s, r), ERR_INVALID);
        json_decref(r);
    }
}

/* --- Completeness -------------------------------------------------------------------------------
 */

TEST(who_where_why_and_how_long_are_said)
{
    char *t =
        shown(STR(ENVELOPE("{\"text\":\"DELETE FROM t\"}")),
              "{\"guardrails\":[\"deletes\",\"bulk\"],\"message\":\"app wants to delete\","
              "\"requirements\":[{\"text\":\"2 of dba\",\"count\":2,\"have\":1,"
              "\"candidates\":[\"bo\",\"cy\"]}],"
              "\"votes\":[{\"person\":\"ana\",\"vote\":\"approve\",\"reason\":\"fine by me\","
              "\"time\":\"2026-11-22T17:19:30.000Z\"}],"
              "\"explanation\":{\"guardrails\":[{\"message\":\"app wants to delete\",\"why\":"
              "{\"reasons\":[{\"text\":\"sql.rows > 10\",\"operands\":[{\"text\":\"sql.rows\","
              "\"value\":4711}]}]}}]},"
              "\"context\":{\"address\":\"192.0.2.7:1\"}}",
              0);
    static const char *const words[] = {
        "Request 42",
        "14m30s left",
        "app",
        "service",
        "shop (postgres)",
        "production",
        "deletes, bulk",
        "app wants to",
        "fine by me",
        "ana",
        "192.0.2.7:1",
        "1 more of dba (bo, cy)",
        "sql.rows > 10   where sql.rows = 4711",
        "DELETE FROM t",
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        check_has(t, words[i]);
    CHECK(strstr(t, "environment") < strstr(t, "tier"));
    CHECK(strstr(t, "environment") < strstr(t, "shop"));
    free(t);
}

static void check_has_not(const char *text, const char *needle)
{
    bool has = strstr(text, needle) != NULL;
    CHECK(!has);
    if (has)
        printf("# \"%s\" stands in:\n# %.2000s\n", needle, text);
}

/* Per guardrail that holds: the deciding conditions, each with the values it was decided on. */
TEST(each_guardrail_that_holds_gives_its_deciding_conditions)
{
    char *t = shown(
        STR(ENVELOPE("{\"text\":\"DELETE FROM t\"}")),
        "{\"guardrails\":[\"bulk\",\"broken\"],\"message\":\"too many rows\",\"explanation\":{\"guardrails\":["
        "{\"name\":\"bulk\",\"then\":\"hold\",\"mode\":\"enforce\",\"outcome\":\"true\",\"message\":\"too many rows\","
        "\"why\":{\"reasons\":["
        "{\"text\":\"sql.rows > 10\",\"result\":true,\"operands\":[{\"text\":\"sql.rows\",\"value\":4711}]},"
        "{\"text\":\"kind == 'agent'\",\"result\":true,\"operands\":[{\"text\":\"kind\",\"value\":\"agent\"}]},"
        "{\"text\":\"!sql.where\",\"result\":true,\"operands\":[{\"text\":\"sql.where\",\"value\":false}]},"
        "{\"text\":\"sql.writes\",\"result\":true,\"operands\":[{\"text\":\"sql.writes\",\"value\":true}]},"
        "{\"text\":\"a in b\",\"result\":true,\"operands\":[{\"text\":\"a\",\"value\":\"x\"},"
        "{\"text\":\"b\",\"value\":[\"x\",\"y\"]}]}]}},"
        "{\"name\":\"seen\",\"then\":\"hold\",\"mode\":\"observe\",\"outcome\":\"true\",\"message\":\"only seen\","
        "\"why\":{\"reasons\":[{\"text\":\"only.seen\",\"result\":true,\"operands\":[]}]}},"
        "{\"name\":\"fine\",\"then\":\"allow\",\"mode\":\"enforce\",\"outcome\":\"true\",\"message\":\"let it run\"},"
        "{\"name\":\"broken\",\"then\":\"allow\",\"mode\":\"enforce\",\"outcome\":\"error\","
        "\"message\":\"held, for it failed\"}]}}",
        0);
    static const char *const there[] = {
        "│ sql.rows > 10   where sql.rows = 4711\n", "│ kind == 'agent'\n",
        "│ !sql.where\n", "│ sql.writes\n", "│ a in b   where a = \"x\", b = [\"x\", \"y\"]\n",
        "and because  │ held, for it failed\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(there); i++)
        check_has(t, there[i]);
    check_has_not(t, "only seen");
    check_has_not(t, "only.seen");
    check_has_not(t, "let it run");
    free(t);
}

/* I12: what a fact holds may come from the client; its line stays ours, and short. */
TEST(a_value_in_a_condition_cannot_imitate_the_screen_nor_flood_it)
{
    char more[8192], filler[4096];
    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    snprintf(more, sizeof(more),
             "{\"explanation\":{\"guardrails\":[{\"then\":\"hold\",\"why\":{\"reasons\":[{\"text\":\"f(application)\","
             "\"operands\":[{\"text\":\"application\",\"value\":\"a\\n  digest  00\\u001b[2K\\u202e%s\"}]}]}}]}}",
             filler);
    char *t = shown(STR(ENVELOPE("{\"text\":\"SELECT 1\"}")), more, 0);
    CHECK(strchr(t, '\x1b') == NULL && strstr(t, "\xe2\x80\xae") == NULL);
    check_has(t, "⟦U+202E⟧");
    check_has(t, "x…\n");
    check_has_not(t, "\n  digest  00");
    CHECK(strlen(t) < 2000);
    free(t);
}

/* An approver has ten seconds: what the statement's own part says is not said again. */
TEST(the_context_leaves_out_what_is_shown_above)
{
    char *t = shown(STR(ENVELOPE("{\"message\":\"query\",\"text\":\"SELECT 1\",\"session\":{\"database\":\"d-one\","
                                 "\"login\":\"l-one\",\"transaction\":\"none\"}}")),
                    "{\"context\":{\"session\":\"s-one\",\"database\":\"d-one\",\"login\":\"l-two\","
                    "\"operation\":\"query\",\"in_transaction\":false,\"tls\":true}}",
                    0);
    const char *context = strstr(t, "Context (");
    CHECK(context != NULL);
    check_has(t, "d-one");
    check_has_not(context, "d-one");
    check_has(context, "l-two"); /* it differs, and so is said */
    check_has(context, "s-one");
    check_has(context, "tls");
    check_has_not(context, "operation");
    check_has_not(context, "in_transaction");
    free(t);
    t = shown(STR(ENVELOPE("{\"message\":\"query\"}")), "{\"context\":{\"operation\":\"query\"}}", 0);
    check_has_not(t, "Context");
    free(t);
}

/* S6, invariant 8: nothing is cut. */
TEST(a_long_statement_is_shown_to_its_last_byte)
{
    struct buf b;
    buf_init(&b, 8 * MIB);
    CHECK_OK(buf_put_str(&b, STR("{\"action\":{\"text\":\"BEGIN-OF-IT ")));
    for (int i = 0; i < 200000; i++)
        CHECK_OK(buf_put_str(&b, STR("0123456789")));
    CHECK_OK(buf_put_str(&b, STR(" END-OF-IT\"}}")));
    for (size_t width = 0; width <= 80; width += 80) {
        char *t = shown(buf_view(&b), "{}", width);
        size_t digits = 0;
        const char *from = strstr(t, "BEGIN-OF-IT"), *to = strstr(t, "END-OF-IT");
        for (const char *p = from; p != NULL && to != NULL && p < to; p++)
            digits += *p >= '0' && *p <= '9';
        check_has(t, "END-OF-IT");
        CHECK(digits == 2000000);
        free(t);
    }
    buf_done(&b);
}

/* Whatever a source puts into its part is there, also what nobody foresaw. */
TEST(every_member_of_an_envelope_is_shown)
{
    char *t = shown(
        STR(ENVELOPE("{\"message\":\"execute\",\"text\":\"UPDATE t SET a=$1\",\"parameters\":["
                     "{\"type\":\"text\",\"value\":\"p-one\"},{\"value\":null},"
                     "{\"type\":\"oid 600\",\"hex\":\"3ff0\"},{\"type\":\"text\",\"value\":\"\"}],"
                     "\"runs\":[{\"statement\":\"s-name\",\"text\":\"DELETE\\nFROM u\"}],"
                     "\"session\":{\"role\":\"r-name\",\"search_path\":\"s-path\"},"
                     "\"new\":{\"deep\":[{\"er\":[\"l-one\",2,true,null,{}]}]}}")),
        "{\"outcome\":{\"tag\":\"UPDATE 3\",\"duration_ns\":1500000000}}", 0);
    static const char *const words[] = {
        "execute",  "UPDATE t SET a=$1",
        "$1",       "p-one",
        "$2",       "NULL",
        "$3",       "oid 600",
        "3ff0",     "$4",
        "(empty)",  "s-name",
        "DELETE\n", "│ FROM u",
        "r-name",   "s-path",
        "new",      "deep",
        "er",       "l-one",
        "true",     "null",
        "{}",       "UPDATE 3",
        "1s",
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        check_has(t, words[i]);
    free(t);
}

TEST(a_statement_that_is_no_utf8_is_shown_as_bytes)
{
    char *t = shown(STR(ENVELOPE("{\"text\":{\"hex\":\"53ff\"}}")), "{}", 0);
    check_has(t, "as bytes");
    check_has(t, "│ 53ff");
    free(t);
}

/* An action of any depth ends, and is still all there. */
TEST(deep_nesting_is_shown_flat_and_whole)
{
    struct buf b;
    buf_init(&b, MIB);
    CHECK_OK(buf_put_str(&b, STR("{\"action\":{\"x\":")));
    for (int i = 0; i < 500; i++)
        CHECK_OK(buf_put_str(&b, STR("[")));
    CHECK_OK(buf_put_str(&b, STR("\"bottom\"")));
    for (int i = 0; i < 500; i++)
        CHECK_OK(buf_put_str(&b, STR("]")));
    CHECK_OK(buf_put_str(&b, STR("}}")));
    char *t = shown(buf_view(&b), "{}", 0);
    check_has(t, "bottom");
    free(t);
    buf_done(&b);
}

/* --- Hostile text --------------------------------------------------------------------------- */

/* I12, A6: every line that holds somebody's text begins with our margin or our label. */
TEST(a_statement_cannot_imitate_what_is_around_it)
{
    char *t = shown(
        STR(ENVELOPE("{\"text\":\"SELECT 1\\n\\nStatement\\n    │ SELECT 2\\r\\n  digest"
                     "       00\\u001b[2K\\u202e\\u0000\"}")),
        "{\"message\":\"a\\nStatement\\n  digest\",\"context\":{\"a\\nb\":\"c\\nDIGEST\"}}", 0);
    const char *line = t;
    size_t statements = 0, digests = 0;
    while (*line != '\0') {
        statements += strncmp(line, "Statement", 9) == 0;
        digests += strncmp(line, "  digest", 8) == 0;
        CHECK(strncmp(line, "DIGEST", 6) != 0 && strncmp(line, "b ", 2) != 0);
        line = strchr(line, '\n') + 1;
    }
    CHECK(statements == 1);
    CHECK(digests == 1);
    CHECK(strchr(t, '\x1b') == NULL && strchr(t, '\r') == NULL);
    CHECK(strstr(t, "\xe2\x80\xae") == NULL);
    check_has(t, "⟦U+202E⟧⟦U+0000⟧");
    free(t);
}

TEST(on_a_narrow_terminal_no_line_of_a_text_lacks_the_margin)
{
    char long_text[4096];
    memset(long_text, ' ', sizeof(long_text));
    snprintf(long_text, sizeof(long_text), "%s", "{\"action\":{\"text\":\"SELECT 1 ");
    long_text[strlen(long_text)] = ' ';
    memcpy(long_text + sizeof(long_text) - 16, "  digest 00\"}}", 15);
    char *t = shown(str_of(long_text), "{}", 60);
    for (const char *line = t; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t n = strcspn(line, "\n");
        CHECK(n < 90 || strncmp(line, "  countersign ", 14) == 0);
    }
    check_has(t, "    ┆ ");
    free(t);
}

/* --- Small things --------------------------------------------------------------------------- */

TEST(what_is_missing_is_said_for_each_line_of_the_quorum)
{
    struct buf out;
    buf_init(&out, KIB);
    json_t *r =
        json_loads("{\"requirements\":["
                   "{\"text\":\"1 of dba\",\"count\":1,\"have\":1,\"candidates\":[]},"
                   "{\"text\":\"2 of leads\",\"count\":2,\"have\":0,\"candidates\":[\"bo\"]},"
                   "{\"text\":\"1 of sec\",\"count\":1,\"have\":0,\"candidates\":[]}]}",
                   0, NULL);
    CHECK_OK(show_missing(&out, r));
    CHECK_STR(buf_view(&out), "2 of leads (bo) and 1 of sec (nobody is left)");
    buf_done(&out);
    json_decref(r);
}

TEST(times_are_read_as_they_are_written)
{
    char text[CLOCK_TEXT];
    int64_t t = INT64_C(1795368000123) * NS_PER_MS;
    CHECK(time_of_text(clock_text(t, text)) == t);
    CHECK(time_of_text(STR("2026-11-22")) == 0);
    CHECK(time_of_text(STR("2026-11-22T17:20:00.000Zx")) == 0);
    CHECK(time_of_text(STR("")) == 0);
}

TEST(columns_are_aligned_and_cells_cannot_break_the_row)
{
    struct table t;
    struct buf out;
    static const char *const cells[] = {"ID", "WHO", "WHAT", "1", "größe", "x", "22", "a\nb", "y"};
    buf_init(&out, KIB);
    table_init(&t, 3);
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        CHECK_OK(table_cell(&t, str_of(cells[i])));
    CHECK_OK(table_print(&out, &t, (struct style){0}));
    CHECK_STR(buf_view(&out), "ID  WHO         WHAT\n"
                              "1   größe       x\n"
                              "22  a⟦U+000A⟧b  y\n");
    table_done(&t);
    buf_done(&out);
}

/* --- What it would do --------------------------------------------------------------------------- */

#define DELETION STR(ENVELOPE("{\"text\":\"DELETE FROM t\"}"))

TEST(what_it_would_do_is_said_with_its_time)
{
    char *t = shown(DELETION,
                    "{\"impact\":{\"taken\":\"2026-11-22T17:19:01.000Z\",\"layout\":\"DELETE\\nFROM t\","
                    "\"estimate\":{\"changes\":true,\"rows\":4711,\"cost\":12},\"plan\":[{\"depth\":0,\"node\":"
                    "\"ModifyTable\",\"operation\":\"Delete\",\"schema\":\"public\",\"relation\":\"t\",\"rows\":0,"
                    "\"cost\":12},{\"depth\":1,\"node\":\"Seq Scan\",\"relation\":\"t\",\"rows\":4711,\"cost\":12,"
                    "\"condition\":\"(a > 1)\"}],\"lock\":{\"mode\":\"ROW EXCLUSIVE\",\"who_waits\":\"DROP\"},"
                    "\"tables\":[{\"name\":\"public.t\",\"kind\":\"table\",\"written\":true,\"rows\":5000,"
                    "\"bytes\":409600}],\"triggers\":[{\"name\":\"audit\",\"table\":\"public.t\",\"when\":\"AFTER\","
                    "\"events\":[\"DELETE\"],\"for_each\":\"row\",\"function\":\"public.f\"}],\"foreign_keys\":[{"
                    "\"name\":\"k\",\"table\":\"public.u\",\"references\":\"public.t\",\"on_delete\":\"CASCADE\","
                    "\"rows\":9}],\"locks\":[{\"table\":\"public.t\",\"mode\":\"AccessExclusiveLock\",\"granted\":true,"
                    "\"pid\":77,\"user\":\"ana\"}]},\"history\":{\"completed\":3,\"failed\":0,\"rejected\":1}}",
                    0);
    static const char *const words[] = {
        "not covered by the digest; found out at 2026-11-22T17:19:01.000Z",
        "    │ DELETE\n    │ FROM t\n",
        "4711 rows changed, cost 12",
        "Delete on public.t\n",
        "  Seq Scan on t (4711 rows, cost 12): (a > 1)\n",
        "public.t, changed: about 5000 rows, 400 kB\n",
        "audit on public.t: AFTER DELETE for each row runs public.f\n",
        "k of public.u references public.t: ON DELETE CASCADE (of about 9 rows)\n",
        "held on public.t: AccessExclusiveLock by ana (pid 77)\n",
        "3 completed, 1 rejected",
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        check_has(t, words[i]);
    free(t);
}

TEST(what_could_not_be_found_out_says_why)
{
    char *t = shown(DELETION,
                    "{\"impact\":{\"taken\":\"x\",\"not_available\":{\"estimate\":\"no time\",\"relations\":"
                    "\"no lock\"}}}", 0);
    check_has(t, "not available (no time)\n");
    check_has(t, "not available (no lock)\n");
    free(t);
    t = shown(DELETION, "{\"impact\":null,\"history\":null}", 0);
    check_has(t, "not available yet (nothing has come from its session)\n");
    free(t);
}

/* Names of tables, triggers and users are chosen by whoever may create them. */
TEST(a_hostile_name_in_what_it_would_do_stays_a_name)
{
    char *t = shown(DELETION,
                    "{\"impact\":{\"taken\":\"x\",\"tables\":[{\"name\":\"t\\n  expected     0 rows\",\"rows\":1}],"
                    "\"triggers\":[{\"name\":\"\\u202eevil\\u001b[2J\",\"function\":\"\\u043erders\"}],"
                    "\"plan\":[{\"depth\":99999999,\"node\":\"a\\nb\",\"relation\":\"r\\rr\",\"rows\":1,\"cost\":1}],"
                    "\"locks\":[{\"user\":\"ana\\n  digest       00\",\"granted\":true}],"
                    "\"layout\":\"SELECT 1\\n  digest  00\"}}",
                    0);
    check_has(t, "t⟦U+000A⟧  expected     0 rows");
    check_has(t, "⟦U+202E⟧evil⟦U+001B⟧[2J");
    check_has(t, "⟦U+043E⟧rders");
    check_has(t, "ana⟦U+000A⟧  digest       00");
    check_has(t, "    │   digest  00\n");
    check_has_not(t, "\n  digest       00");
    check_has_not(t, "\033");
    check_has_not(t, "\r");
    free(t);
}

TAP_MAIN(T(an_action_that_is_not_what_its_digest_says_is_not_shown),
         T(the_digest_is_that_of_the_bytes_as_they_came),
         T(an_envelope_that_can_be_read_two_ways_is_not_shown),
         T(who_where_why_and_how_long_are_said),
         T(each_guardrail_that_holds_gives_its_deciding_conditions),
         T(a_value_in_a_condition_cannot_imitate_the_screen_nor_flood_it),
         T(the_context_leaves_out_what_is_shown_above), T(a_long_statement_is_shown_to_its_last_byte),
         T(every_member_of_an_envelope_is_shown), T(a_statement_that_is_no_utf8_is_shown_as_bytes),
         T(deep_nesting_is_shown_flat_and_whole), T(a_statement_cannot_imitate_what_is_around_it),
         T(on_a_narrow_terminal_no_line_of_a_text_lacks_the_margin),
         T(what_is_missing_is_said_for_each_line_of_the_quorum),
         T(times_are_read_as_they_are_written),
         T(columns_are_aligned_and_cells_cannot_break_the_row),
         T(what_it_would_do_is_said_with_its_time),
         T(what_could_not_be_found_out_says_why),
         T(a_hostile_name_in_what_it_would_do_stays_a_name))
