/*
 * The classifier against a server: statements with what the server saw each of them do. Nothing that made the server
 * assign a transaction id (so: wrote something) may be a read that cannot write.
 *
 *   sql_differential FILE        one JSON object a line: {"text": …, "wrote": true|false}
 *
 * sql-differential makes the file.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "classify/sql.h"

struct count {
    size_t passed, failed, wrote, read_only, unparsed;
};

static bool names(struct sql_names list, const char *name)
{
    for (size_t i = 0; i < list.n; i++)
        if (str_is(list.v[i], name))
            return true;
    return false;
}

/* Takes a transaction id and writes nothing: row locks, and asking for the id (the suite's view my_locks does). */
static bool only_takes_an_id(const struct sql_facts *f)
{
    return (f->traits & SQL_T_ROW_LOCK) != 0 || names(f->functions, "txid_current") ||
           names(f->functions, "pg_current_xact_id") || names(f->tables_read, "my_locks");
}

static bool judge(struct arena *a, const char *text, bool wrote, struct count *n)
{
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    struct sql_facts f;
    s.standard_conforming_strings = SQL_UNKNOWN; /* the suite switches it */
    arena_reset(a);
    if (classify_sql(a, str_of(text), &s, &f) != ERR_OK)
        return false;
    n->wrote += wrote;
    n->read_only += !f.may_write;
    n->unparsed += (f.classes & SQL_PARSE_ERROR) != 0;
    if (!wrote || f.may_write || only_takes_an_id(&f))
        return true;
    printf("not ok: %.200s; wrote, and counts as", text);
    for (unsigned i = 0; i < SQL_CLASS_COUNT; i++)
        if ((f.classes >> i & 1) != 0)
            printf(" %.*s", STR_FMT(sql_class_name(i)));
    printf("\n");
    return false;
}

int main(int argc, char **argv)
{
    struct arena a;
    struct count n = {0, 0, 0, 0, 0};
    char *line = NULL;
    size_t size = 0;
    FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (f == NULL) {
        fprintf(stderr, "usage: sql_differential FILE\n");
        return 2;
    }
    arena_init(&a, LIMIT_ACTION_ARENA);
    while (getline(&line, &size, f) > 0) {
        json_error_t error;
        json_t *record = json_loads(line, 0, &error);
        const char *text = json_string_value(json_object_get(record, "text"));
        if (text == NULL) {
            fprintf(stderr, "sql_differential: %s\n", error.text);
            return 2;
        }
        bool good = judge(&a, text, json_is_true(json_object_get(record, "wrote")), &n);
        n.passed += good;
        n.failed += !good;
        json_decref(record);
    }
    free(line);
    fclose(f);
    arena_done(&a);
    printf("%zu statements wrote, %zu were known to be read-only, %zu did not parse\n", n.wrote, n.read_only,
           n.unparsed);
    printf("%zu passed, %zu failed\n", n.passed, n.failed);
    return n.failed != 0;
}
