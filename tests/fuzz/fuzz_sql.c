/*
 * SQL of any kind: classifying it ends, what is not understood is never harmless, a change stays a change
 * wherever it is put, and copies and unions of facts say the same.
 *
 * Input: one byte for the session's settings, then the text.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "classify/layout.h"
#include "classify/shape.h"
#include "classify/sql.h"
#include "classify/tree.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static bool classify(struct arena *a, struct str text, const struct sql_settings *s, struct sql_facts *ret)
{
    enum err e = classify_sql(a, text, s, ret);
    must(e == ERR_OK || e == ERR_NOMEM || e == ERR_LIMIT);
    return e == ERR_OK;
}

static void unknown_is_never_harmless(const struct sql_facts *f)
{
    const uint32_t changes = SQL_WRITE | SQL_DELETE | SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_COPY_PROGRAM | SQL_ADMIN;
    must(f->classes != 0);
    /* A message may be read in two ways, or have several statements: the union of their facts. */
    if ((f->classes & SQL_PARSE_ERROR) != 0)
        must(f->parse_error.n > 0 && f->may_write);
    else
        must(f->parse_error.n == 0);
    must((f->dynamic != 0) == ((f->classes & SQL_DYNAMIC) != 0));
    must(f->dynamic == 0 || f->may_write);
    must((f->classes & changes) == 0 || f->writes);
    must(!f->writes || f->may_write);
    must(f->unknown_functions.n == 0 || (f->dynamic & SQL_D_FUNCTION) != 0);
    if (f->tables_written.n != 0 && (f->traits & SQL_T_TEMP) == 0)
        must(f->may_write);
    for (size_t i = 0; i < f->n_parts; i++) {
        must((f->parts[i].classes & ~f->classes & changes) == 0);
        unknown_is_never_harmless(&f->parts[i]);
    }
}

/* A statement put where it runs must be found there: under EXPLAIN ANALYZE, behind another, among comments. */
static void a_change_stays_a_change(struct arena *a, struct str text, const struct sql_settings *s,
                                    const struct sql_facts *f)
{
    static const char *const around[][2] = {{"EXPLAIN ANALYZE ", ""}, {"SELECT 1;", ""}, {"/* DROP */ ", " -- x"}};
    const uint32_t rows = SQL_WRITE | SQL_DELETE;
    if (f->statements != 1 || (f->classes & rows) == 0 || (f->classes & (SQL_PARSE_ERROR | SQL_MULTI)) != 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(around); i++) {
        struct sql_facts g;
        struct buf b CLEANUP(buf_done);
        buf_init(&b, MIB);
        bool fits = buf_put_str(&b, str_of(around[i][0])) == ERR_OK && buf_put_str(&b, text) == ERR_OK &&
                    buf_put_str(&b, str_of(around[i][1])) == ERR_OK;
        if (fits && classify(a, buf_view(&b), s, &g) && (g.classes & SQL_PARSE_ERROR) == 0)
            must((f->classes & rows & ~g.classes) == 0);
    }
}

static void copies_and_unions_say_the_same(struct arena *a, const struct sql_facts *f)
{
    struct sql_facts copy, merged;
    must(sql_facts_dup(a, f, &copy) == ERR_OK);
    must(copy.classes == f->classes && copy.tables.n == f->tables.n);
    if (sql_facts_merge(a, f, &copy, &merged) == ERR_OK) {
        must(merged.classes == f->classes && merged.tables.n == f->tables.n);
        must(merged.functions.n == f->functions.n && merged.writes == f->writes);
    }
    if (sql_facts_resolve(a, f, NULL, &merged) == ERR_OK)
        must((f->classes & ~merged.classes & ~(uint32_t)SQL_DYNAMIC) == 0);
}

/* Where it is not known how strings are read, both ways count. What does not parse with the setting off, such
 * as U&'…', does not run with it off. */
static void both_readings_count(struct arena *a, struct str text, struct sql_settings s)
{
    struct sql_facts on, off, unknown;
    s.standard_conforming_strings = SQL_ON;
    bool all = classify(a, text, &s, &on);
    s.standard_conforming_strings = SQL_OFF;
    all = all && classify(a, text, &s, &off);
    s.standard_conforming_strings = SQL_UNKNOWN;
    if (all && classify(a, text, &s, &unknown))
        must(unknown.may_write ||
             !(on.may_write || (off.may_write && (off.classes & SQL_PARSE_ERROR) == 0)));
}

/* A shape is there or not, and a comment does not make another. */
static void a_shape_is_of_what_counts(struct arena *a, struct str text, struct sql_settings s, const struct sql_facts *f)
{
    struct sql_shape one, other;
    struct sql_facts g;
    struct str commented;
    static const struct digest none;
    if (sql_shape_of(a, text, &s, f, &one) != ERR_OK)
        return;
    must((one.text.n == 0) == digest_eq(&one.digest, &none));
    must(one.text.n == 0 || (f->dynamic == 0 && f->statements == 1));
    if (one.text.n == 0 || arena_printf(a, &commented, "/* x */ %.*s", STR_FMT(text)) != ERR_OK)
        return;
    if (classify(a, commented, &s, &g) && sql_shape_of(a, commented, &s, &g, &other) == ERR_OK && other.text.n != 0)
        must(digest_eq(&one.digest, &other.digest));
}

/* The same words in the same order. */
static void a_layout_keeps_every_word(struct arena *a, struct str text, const struct sql_settings *s)
{
    struct tree_token *before, *after;
    size_t n, m;
    bool conforming = s->standard_conforming_strings != SQL_OFF;
    struct buf out CLEANUP(buf_done);
    buf_init(&out, 8 * MIB);
    if (tree_tokens(a, text, conforming, &before, &n) != ERR_OK || sql_layout(&out, text, s) != ERR_OK)
        return;
    struct str laid_out = buf_view(&out);
    if (laid_out.n > LIMIT_SQL_COMMENTED)
        return;
    must(tree_tokens(a, laid_out, conforming, &after, &m) == ERR_OK && n == m);
    for (size_t i = 0; i < n; i++)
        must(str_eq(str_from(text.p + before[i].start, before[i].end - before[i].start),
                    str_from(laid_out.p + after[i].start, after[i].end - after[i].start)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sql_known strings[] = {SQL_ON, SQL_OFF, SQL_UNKNOWN, SQL_ON};
    static const struct str encodings[] = {STR_INIT(""), STR_INIT("SJIS"), STR_INIT("LATIN1"),
                                           STR_INIT("UTF8")};
    struct arena a;
    struct sql_facts f;
    if (size == 0 || size > 64 * KIB)
        return 0;
    struct sql_settings s = {.standard_conforming_strings = strings[data[0] & 3],
                             .client_encoding = encodings[(data[0] >> 2) & 3],
                             .catalog_first = (data[0] & 16) == 0,
                             .replication = (data[0] & 32) != 0};
    struct str text = str_from(data + 1, size - 1);
    arena_init(&a, LIMIT_ACTION_ARENA);
    if (classify(&a, text, &s, &f)) {
        unknown_is_never_harmless(&f);
        copies_and_unions_say_the_same(&a, &f);
        a_change_stays_a_change(&a, text, &s, &f);
        both_readings_count(&a, text, s);
        a_layout_keeps_every_word(&a, text, &s);
        a_shape_is_of_what_counts(&a, text, s, &f);
    }
    arena_done(&a);
    return 0;
}
