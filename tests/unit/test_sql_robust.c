/*
 * What must hold for any text: the layout changes nothing, no size or depth reaches the end of the stack (this
 * program runs on 256 KiB of it), and a cache never answers with another's facts.
 */
#include <ctype.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "classify/cache.h"
#include "sql_text.h"
#include "sql_texts.h"

/* --- Layout ----------------------------------------------------------------------------------- */

/* Comments and line ends for each space, letters in the other case, outside quotes. */
static char *laid_out_otherwise(const char *text)
{
    static const char between[] = " /* x /* ; */ DROP TABLE y */\r\n\t--' z\n";
    char *out = calloc(1, strlen(text) * sizeof(between) + 1), *p = out;
    char quote = '\0';
    if (out == NULL)
        abort();
    for (; *text != '\0'; text++) {
        if (quote == '\0' && *text == ' ') {
            memcpy(p, between, sizeof(between) - 1);
            p += sizeof(between) - 1;
            continue;
        }
        if (quote == '\0' && (*text == '\'' || *text == '"'))
            quote = *text;
        else if (*text == quote)
            quote = '\0';
        bool letter = quote == '\0' && isalpha((unsigned char)*text);
        *p++ = letter ? (char)(*text ^ 0x20) : *text;
    }
    return out;
}

static bool same_names(struct sql_names a, struct sql_names b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (!str_eq(a.v[i], b.v[i]))
            return false;
    return true;
}

/* The first field that differs; NULL where all are the same. */
static const char *difference(const struct sql_facts *a, const struct sql_facts *b)
{
    for (size_t i = 0; i < sql_fields_count; i++) {
        const void *x = (const char *)a + sql_fields[i].offset, *y = (const char *)b + sql_fields[i].offset;
        bool same = false;
        switch (sql_fields[i].type) {
        case SQL_FIELD_BOOL:
            same = *(const bool *)x == *(const bool *)y;
            break;
        case SQL_FIELD_INT:
            same = *(const int64_t *)x == *(const int64_t *)y;
            break;
        case SQL_FIELD_TEXT:
            same = str_eq(*(const struct str *)x, *(const struct str *)y);
            break;
        case SQL_FIELD_NAMES:
            same = same_names(*(const struct sql_names *)x, *(const struct sql_names *)y);
            break;
        case SQL_FIELD_CLASSES:
        case SQL_FIELD_TRAITS:
        case SQL_FIELD_DYNAMIC:
            same = *(const uint32_t *)x == *(const uint32_t *)y;
            break;
        case SQL_FIELD_LOCK:
            same = *(const enum sql_lock *)x == *(const enum sql_lock *)y;
            break;
        }
        if (!same)
            return sql_fields[i].name;
    }
    return NULL;
}

TEST(the_layout_of_a_text_changes_no_fact)
{
    for (size_t i = 0; i < ARRAY_LEN(sql_texts); i++) {
        char *other = laid_out_otherwise(sql_texts[i]);
        struct sql_facts a = facts(sql_texts[i]), b = facts(other);
        const char *field = difference(&a, &b);
        CHECK(field == NULL && a.parse_error.n == 0);
        if (field != NULL)
            printf("# %s differs for %s\n", field, sql_texts[i]);
        free(other);
    }
}

TEST(a_copy_of_facts_is_equal_and_needs_nothing_of_the_original)
{
    for (size_t i = 0; i < ARRAY_LEN(sql_texts); i++) {
        struct arena a, b;
        struct sql_facts first, copy, again;
        struct sql_settings s = SQL_SETTINGS_DEFAULT;
        arena_init(&a, MIB);
        arena_init(&b, MIB);
        CHECK_OK(classify_sql(&a, str_of(sql_texts[i]), &s, &first));
        CHECK_OK(sql_facts_dup(&b, &first, &copy));
        arena_done(&a);
        CHECK_OK(classify_sql(&sql_text_arena, str_of(sql_texts[i]), &s, &again));
        CHECK(difference(&copy, &again) == NULL && copy.n_named == again.n_named && copy.n_parts == again.n_parts);
        arena_done(&b);
    }
}

/* --- Size and depth --------------------------------------------------------------------------- */

static struct str repeated(const char *head, const char *piece, size_t times, const char *tail)
{
    size_t h = strlen(head), p = strlen(piece), t = strlen(tail);
    char *text = malloc(h + p * times + t + 1), *at = text;
    if (text == NULL)
        abort();
    memcpy(at, head, h);
    at += h;
    for (size_t i = 0; i < times; i++, at += p)
        memcpy(at, piece, p);
    memcpy(at, tail, t + 1);
    return str_from(text, h + p * times + t);
}

/* Facts, or a refusal, or "unparseable": anything but a crash or a harmless answer that is wrong. */
static void survives(const char *head, const char *piece, size_t times, const char *tail, const char *function)
{
    struct arena a;
    struct sql_facts f;
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    struct str text = repeated(head, piece, times, tail);
    arena_init(&a, LIMIT_ACTION_ARENA);
    enum err e = classify_sql(&a, text, &s, &f);
    CHECK(e == ERR_OK || e == ERR_LIMIT || e == ERR_NOMEM);
    if (e == ERR_OK)
        CHECK((f.classes & SQL_PARSE_ERROR) != 0 || has(f.functions, function));
    arena_done(&a);
    free((char *)(uintptr_t)text.p);
}

TEST(no_depth_or_length_reaches_the_end_of_the_stack)
{
    static const size_t times[] = {10, 1000, 5000, 50000, 300000};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        survives("SELECT f()", "+1", times[i], "", "f");
        survives("SELECT f()", "::int", times[i], "", "f");
        survives("SELECT f()", " COLLATE \"C\"", times[i], "", "f");
        survives("SELECT 1 WHERE f()", " AND a = 1 OR b", times[i], "", "f");
        survives("SELECT 1 WHERE ", "NOT ", times[i], "f()", "f");
        survives("DELETE FROM t WHERE ", "NOT ", times[i], "f()", "f");
        survives("DELETE FROM t WHERE f() ", "IS NULL ", times[i], "", "f");
        survives("SELECT f()", " UNION SELECT 1", times[i], "", "f");
        survives("SELECT f()", "; SELECT 1", times[i], "", "f");
        survives("SELECT f(), a IN (1", ",2", times[i], ")", "f");
        survives("SELECT f()", ",a", times[i], "", "f");
        survives("SELECT f() FROM t", " JOIN t ON true", times[i], "", "f");
        survives("SELECT f() FROM t", ", t", times[i], "", "f");
        survives("INSERT INTO t VALUES (f())", ",(1)", times[i], "", "f");
        survives("SELECT f(), a", "[1]", times[i], "", "f");
    }
    static const size_t depths[] = {10, 1000, 3000, 9000, 30000};
    for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
        survives("SELECT f(), ", "(", depths[i], "1", "f");
        struct str open = repeated("SELECT f(), ", "(SELECT ", depths[i], "1");
        survives(open.p, ")", depths[i], "", "f");
        free((char *)(uintptr_t)open.p);
        open = repeated("SELECT f(), ", "g(", depths[i], "1");
        survives(open.p, ")", depths[i], "", "f");
        free((char *)(uintptr_t)open.p);
        open = repeated("SELECT f(), ", "CASE WHEN true THEN ", depths[i], "1");
        survives(open.p, " END", depths[i], "", "f");
        free((char *)(uintptr_t)open.p);
        open = repeated("", "WITH a AS (", depths[i], "SELECT f()");
        survives(open.p, ") SELECT 1", depths[i], "", "f");
        free((char *)(uintptr_t)open.p);
    }
}

TEST(a_text_over_the_limit_is_unparseable)
{
    struct str text = repeated("SELECT 1", " ", LIMIT_SQL_TEXT, "");
    struct sql_facts f = facts_with(text, SQL_SETTINGS_DEFAULT);
    CHECK(f.classes == SQL_PARSE_ERROR && f.may_write);
    free((char *)(uintptr_t)text.p);
    text = repeated("SELECT 1", " ", LIMIT_SQL_TEXT - 8, "");
    CHECK(facts_with(text, SQL_SETTINGS_DEFAULT).classes == SQL_READ);
    free((char *)(uintptr_t)text.p);
}

TEST(many_names_cost_no_more_than_few)
{
    enum { NAMES = 60000 };
    struct buf b;
    buf_init(&b, 8 * MIB);
    CHECK_OK(buf_printf(&b, "SELECT 1 FROM t"));
    for (int i = 0; i < NAMES; i++)
        CHECK_OK(buf_printf(&b, ", s.t%d", i));
    struct sql_facts f = facts_with(buf_view(&b), SQL_SETTINGS_DEFAULT);
    CHECK(f.tables_read.n == NAMES + 1 && f.table_names.n == NAMES + 1);
    CHECK(has(f.tables, "s.t59999"));
    buf_clear(&b);
    CHECK_OK(buf_printf(&b, "WITH w AS (SELECT 1)"));
    for (int i = 0; i < 5000; i++)
        CHECK_OK(buf_printf(&b, ", w%d AS (SELECT * FROM x%d)", i, i));
    CHECK_OK(buf_printf(&b, " SELECT 1"));
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    enum err e = classify_sql(&sql_text_arena, buf_view(&b), &s, &f);
    CHECK(e == ERR_LIMIT || (e == ERR_OK && f.tables_read.n == 5000));
    buf_done(&b);
}

TEST(memory_that_runs_out_is_an_error_and_never_facts)
{
    for (size_t cap = 0; cap < 6000; cap += 100) {
        struct arena a;
        struct sql_settings s = SQL_SETTINGS_DEFAULT;
        struct sql_facts f = {.statements = -7};
        arena_init(&a, cap);
        enum err e = classify_sql(&a, str_of(sql_texts[1]), &s, &f);
        CHECK(e == ERR_OK ? f.statements == 1 && has(f.tables_read, "s.a") : e == ERR_NOMEM && f.statements == -7);
        arena_done(&a);
    }
}

/* --- Cache ------------------------------------------------------------------------------------ */

TEST(a_cached_text_gives_the_same_facts)
{
    struct sql_cache *c;
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    CHECK_OK(sql_cache_new(512, MIB * 4, &c));
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < ARRAY_LEN(sql_texts); i++) {
            struct sql_cached *k;
            struct sql_facts plain = facts(sql_texts[i]);
            CHECK_OK(sql_cache_classify(c, str_of(sql_texts[i]), &s, &k));
            CHECK(difference(sql_cached_facts(k), &plain) == NULL);
            sql_cached_unref(k);
        }
    struct sql_cache_count n = sql_cache_count(c);
    CHECK(n.hits > 0 && n.misses > 0 && n.entries <= 512 && n.bytes <= MIB * 4);
    sql_cache_free(c);
}

TEST(a_setting_is_part_of_the_key)
{
    struct sql_cache *c;
    struct sql_cached *k[5];
    struct str text = STR("SELECT 'a\\'; DELETE FROM t; --'");
    struct sql_settings on = SQL_SETTINGS_DEFAULT, off = on, late = on, repl = on, sjis = on;
    off.standard_conforming_strings = SQL_OFF;
    late.catalog_first = false;
    repl.replication = true;
    sjis.client_encoding = STR("SJIS");
    const struct sql_settings *all[] = {&on, &off, &late, &repl, &sjis};
    CHECK_OK(sql_cache_new(64, MIB, &c));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
            CHECK_OK(sql_cache_classify(c, text, all[i], &k[i]));
        CHECK((sql_cached_facts(k[0])->classes & SQL_DELETE) != 0);
        CHECK(sql_cached_facts(k[1])->classes == SQL_READ);
        CHECK((sql_cached_facts(k[3])->classes & SQL_ADMIN) != 0);
        CHECK(k[0] != k[2] && k[0] != k[4]);
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
            sql_cached_unref(k[i]);
    }
    CHECK(sql_cache_count(c).misses >= 4);
    sql_cache_free(c);
}

TEST(facts_outlive_their_place_in_the_cache)
{
    struct sql_cache *c;
    struct sql_cached *kept, *k;
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    char text[64];
    CHECK_OK(sql_cache_new(8, MIB, &c));
    CHECK_OK(sql_cache_classify(c, STR("SELECT * FROM kept"), &s, &kept));
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "SELECT * FROM t%d", i);
        CHECK_OK(sql_cache_classify(c, str_of(text), &s, &k));
        sql_cached_unref(k);
    }
    CHECK(sql_cache_count(c).entries <= 8);
    sql_cache_free(c);
    CHECK(has(sql_cached_facts(kept)->tables_read, "kept"));
    sql_cached_unref(kept);
}

TEST(a_cache_of_nothing_keeps_nothing)
{
    struct sql_cache *c;
    struct sql_cached *k;
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    CHECK_OK(sql_cache_new(0, MIB, &c));
    CHECK_OK(sql_cache_classify(c, STR("SELECT 1"), &s, &k));
    sql_cached_unref(k);
    CHECK(sql_cache_count(c).entries == 0 && sql_cache_count(c).bytes == 0);
    sql_cache_free(c);
}

int main(void)
{
    static const struct tap_test tests[] = {
        T(the_layout_of_a_text_changes_no_fact),
        T(a_copy_of_facts_is_equal_and_needs_nothing_of_the_original),
        T(no_depth_or_length_reaches_the_end_of_the_stack),
        T(a_text_over_the_limit_is_unparseable),
        T(many_names_cost_no_more_than_few),
        T(memory_that_runs_out_is_an_error_and_never_facts),
        T(a_cached_text_gives_the_same_facts),
        T(a_setting_is_part_of_the_key),
        T(facts_outlive_their_place_in_the_cache),
        T(a_cache_of_nothing_keeps_nothing),
    };
    /* The kernel looks at the limit whenever the stack grows, so this counts from here on. */
    struct rlimit stack = {256 * KIB, 256 * KIB};
    if (setrlimit(RLIMIT_STACK, &stack) != 0)
        return 1;
    sql_text_init();
    int failed = tap_run(tests, ARRAY_LEN(tests));
    sql_text_done();
    return failed;
}
