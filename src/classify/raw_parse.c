#include "classify/raw_parse.h"

#include <pg_query.h>
#include <setjmp.h>
#include <stdlib.h>

#include "classify/parse_memory.h"

/* What the library exports beside its public header (facts of Debian's libpg-query-dev 15-4.0.0, of
 * PostgreSQL's utils/memutils.h, utils/elog.h and parser/parser.h). */
typedef struct {
    void *tree;
    char *stderr_buffer;
    PgQueryError *error;
} raw_parse_result;

extern raw_parse_result pg_query_raw_parse(const char *input);
extern void pg_query_free_error(PgQueryError *error);
extern void *pg_query_enter_memory_context(void);
extern void pg_query_exit_memory_context(void *ctx);

enum { RAW_PARSE_DEFAULT = 0 };
extern void *raw_parser(const char *text, int mode);
extern void FlushErrorState(void);
extern __thread void *TopMemoryContext;
extern __thread void *CurrentMemoryContext;
extern __thread sigjmp_buf *PG_exception_stack;
extern __thread void *error_context_stack;
extern __thread bool standard_conforming_strings;
extern __thread bool escape_string_warning;

/* The library's state is its thread's; so is what is kept of it. */
static __thread struct {
    struct parse_memory *memory;
    void *context;  /* of memory */
    unsigned depth; /* parses that have not ended */
} kept;

static bool keep_memory(void)
{
    if (kept.memory != NULL)
        return true;
    /* The library sets itself up in its own entry only. */
    pg_query_exit_memory_context(pg_query_enter_memory_context());
    kept.memory = parse_memory_new();
    if (kept.memory == NULL)
        return false;
    kept.context = parse_memory_context(kept.memory);
    return true;
}

/* The list of statements; false where the parser threw. */
static bool parse(const char *text, const void **ret)
{
    sigjmp_buf here, *const before = PG_exception_stack;
    void *const context_before = error_context_stack;
    volatile bool parsed = false;
    CurrentMemoryContext = kept.context;
    if (sigsetjmp(here, 0) == 0) {
        PG_exception_stack = &here;
        *ret = raw_parser(text, RAW_PARSE_DEFAULT);
        parsed = true;
    } else {
        CurrentMemoryContext = kept.context;
        FlushErrorState();
    }
    PG_exception_stack = before;
    error_context_stack = context_before;
    CurrentMemoryContext = TopMemoryContext;
    return parsed;
}

/* In the library's own way, for the words of its error. */
static void parse_for_error(const char *text, struct raw_parse *ret)
{
    CurrentMemoryContext = kept.context;
    raw_parse_result r = pg_query_raw_parse(text);
    CurrentMemoryContext = TopMemoryContext;
    free(r.stderr_buffer);
    ret->failure = r.error;
    ret->error = r.error != NULL && r.error->message != NULL ? r.error->message : "syntax error";
}

void raw_parse_reading(bool conforming)
{
    standard_conforming_strings = conforming;
    escape_string_warning = false; /* the warning would be formatted for nobody */
}

enum err raw_parse_begin(const char *text, bool conforming, struct raw_parse *ret)
{
    if (!keep_memory())
        return ERR_NOMEM;
    kept.depth++;
    raw_parse_reading(conforming);
    *ret = (struct raw_parse){0};
    if (!parse(text, &ret->list))
        parse_for_error(text, ret);
    return ERR_OK;
}

void raw_parse_end(struct raw_parse *p)
{
    if (p->failure != NULL)
        pg_query_free_error(p->failure);
    if (--kept.depth == 0)
        parse_memory_reset(kept.memory);
}
