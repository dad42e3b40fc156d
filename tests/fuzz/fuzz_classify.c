/* The classifier on any text: it ends, never calls a known write harmless, and the layout changes nothing. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "classify/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static bool classify(struct arena *a, struct str text, enum sql_known strings, struct sql_facts *ret)
{
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    s.standard_conforming_strings = strings;
    enum err e = classify_sql(a, text, &s, ret);
    must(e == ERR_OK || e == ERR_NOMEM || e == ERR_LIMIT);
    return e == ERR_OK;
}

static void facts_agree_with_themselves(const struct sql_facts *f)
{
    const uint32_t changes = SQL_WRITE | SQL_DELETE | SQL_DDL | SQL_DESTRUCTIVE_DDL | SQL_COPY_PROGRAM | SQL_ADMIN;
    must(f->classes != 0);
    must(f->writes == false || f->may_write);
    must((f->classes & changes) == 0 || f->writes);
    must((f->dynamic != 0) == ((f->classes & SQL_DYNAMIC) != 0));
    must((f->classes & SQL_PARSE_ERROR) == 0 || (f->parse_error.n != 0 && f->may_write));
    must(f->unknown_functions.n == 0 || (f->dynamic & SQL_D_FUNCTION) != 0);
    for (size_t i = 0; i < f->n_parts; i++)
        must((f->parts[i].classes & ~f->classes & changes) == 0);
}

/* A statement put where it runs must be found there: in a WITH, under EXPLAIN ANALYZE, behind another. */
static void a_change_stays_a_change(struct arena *a, struct str text, const struct sql_facts *f)
{
    static const char *const around[][2] = {{"EXPLAIN ANALYZE ", ""}, {"SELECT 1;", ""}, {"/* DROP */ ", " -- x"}};
    const uint32_t rows = SQL_WRITE | SQL_DELETE;
    if (f->statements != 1 || (f->classes & (rows | SQL_PARSE_ERROR | SQL_MULTI)) == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(around); i++) {
        struct sql_facts g;
        struct buf b;
        buf_init(&b, MIB);
        bool fits = buf_put_str(&b, str_of(around[i][0])) == ERR_OK && buf_put_str(&b, text) == ERR_OK &&
                    buf_put_str(&b, str_of(around[i][1])) == ERR_OK;
        if (fits && classify(a, buf_view(&b), SQL_ON, &g) && (g.classes & SQL_PARSE_ERROR) == 0 &&
            (f->classes & SQL_PARSE_ERROR) == 0)
            must((f->classes & rows & ~g.classes) == 0);
        buf_done(&b);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct sql_facts on, off, unknown, copy, merged;
    struct str text = str_from(data, size);
    if (size > 64 * KIB)
        return 0;
    arena_init(&a, 64 * MIB);
    if (classify(&a, text, SQL_ON, &on) && classify(&a, text, SQL_OFF, &off) &&
        classify(&a, text, SQL_UNKNOWN, &unknown)) {
        facts_agree_with_themselves(&on);
        facts_agree_with_themselves(&off);
        facts_agree_with_themselves(&unknown);
        must(unknown.may_write || !(on.may_write || off.may_write));
        a_change_stays_a_change(&a, text, &on);
        if (sql_facts_dup(&a, &on, &copy) == ERR_OK && sql_facts_merge(&a, &on, &copy, &merged) == ERR_OK) {
            must(merged.classes == on.classes && merged.tables.n == on.tables.n);
            must(merged.functions.n == on.functions.n && merged.writes == on.writes);
        }
        if (sql_facts_resolve(&a, &on, NULL, &merged) == ERR_OK)
            must((on.classes & ~merged.classes & ~(uint32_t)SQL_DYNAMIC) == 0);
    }
    arena_done(&a);
    return 0;
}
