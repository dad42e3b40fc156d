/* SQL of any kind: facts come out, and what is not understood is never harmless. */
#include "base/limits.h"
#include "classify/sql.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void unknown_is_never_harmless(const struct sql_facts *f)
{
    must(f->classes != 0);
    /* A message may be read in two ways, or have several statements: the union of their facts. */
    if ((f->classes & SQL_PARSE_ERROR) != 0)
        must(f->parse_error.n > 0 && f->may_write);
    else
        must(f->parse_error.n == 0);
    if (f->dynamic != 0)
        must((f->classes & SQL_DYNAMIC) != 0 && f->may_write);
    if (f->writes)
        must(f->may_write);
    if (f->tables_written.n != 0 && (f->traits & SQL_T_TEMP) == 0)
        must(f->may_write);
}

/* First byte: the session's settings; the rest: the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sql_known strings[] = {SQL_ON, SQL_OFF, SQL_UNKNOWN, SQL_ON};
    static const struct str encodings[] = {STR_INIT(""), STR_INIT("SJIS"), STR_INIT("LATIN1"),
                                           STR_INIT("UTF8")};
    struct arena a;
    struct sql_facts f, copy;
    if (size == 0)
        return 0;
    struct sql_settings s = {.standard_conforming_strings = strings[data[0] & 3],
                             .client_encoding = encodings[(data[0] >> 2) & 3],
                             .catalog_first = (data[0] & 16) == 0,
                             .replication = (data[0] & 32) != 0};
    arena_init(&a, LIMIT_ACTION_ARENA);
    if (classify_sql(&a, str_from(data + 1, size - 1), &s, &f) == ERR_OK) {
        unknown_is_never_harmless(&f);
        for (size_t i = 0; i < f.n_parts; i++)
            unknown_is_never_harmless(&f.parts[i]);
        must(sql_facts_dup(&a, &f, &copy) == ERR_OK);
        must(copy.classes == f.classes && copy.tables.n == f.tables.n);
    }
    arena_done(&a);
    return 0;
}
