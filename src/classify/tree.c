#include "classify/tree.h"

#include <pg_query.h>
#include <stdlib.h>

/* What the library exports beside its public header (facts of Debian's libpg-query-dev 15-4.0.0). */
typedef struct {
    List *tree;
    char *stderr_buffer;
    PgQueryError *error;
} raw_parse_result;

extern raw_parse_result pg_query_raw_parse(const char *input);
extern void pg_query_free_error(PgQueryError *error);
extern MemoryContext pg_query_enter_memory_context(void);
extern void pg_query_exit_memory_context(MemoryContext ctx);
extern __thread bool standard_conforming_strings;
extern __thread bool escape_string_warning;

const struct tree_shape tree_shapes[TREE_TAGS] = {
#include "classify/pg_nodes.inc"
};

enum err tree_parse(struct tree *t, struct str text, bool conforming)
{
    t->statements = NULL;
    t->error = NULL;
    t->error_at = 0;
    t->failure = NULL;
    t->copy = text.n < sizeof(t->small) ? t->small : malloc(text.n + 1);
    if (t->copy == NULL)
        return ERR_NOMEM;
    if (text.n != 0)
        memcpy(t->copy, text.p, text.n);
    t->copy[text.n] = '\0';

    standard_conforming_strings = conforming;
    escape_string_warning = false; /* the warning would be formatted for nobody */
    t->memory = pg_query_enter_memory_context();
    raw_parse_result r = pg_query_raw_parse(t->copy);
    free(r.stderr_buffer);
    t->failure = r.error;
    if (r.error != NULL) {
        t->error = r.error->message != NULL ? r.error->message : "syntax error";
        t->error_at = r.error->cursorpos;
    } else {
        t->statements = r.tree;
    }
    return ERR_OK;
}

void tree_done(struct tree *t)
{
    if (t->failure != NULL)
        pg_query_free_error(t->failure);
    pg_query_exit_memory_context(t->memory);
    if (t->copy != t->small)
        free(t->copy);
}

bool tree_const_text(const void *node, struct str *ret)
{
    while (node != NULL && IsA(node, TypeCast))
        node = ((const TypeCast *)node)->arg;
    if (node == NULL || !IsA(node, A_Const))
        return false;
    const A_Const *c = node;
    if (c->isnull || c->val.node.type != T_String)
        return false;
    *ret = str_of(c->val.sval.sval);
    return true;
}

bool tree_const_int(const void *node, int64_t *ret)
{
    if (node == NULL || !IsA(node, A_Const))
        return false;
    const A_Const *c = node;
    if (c->isnull)
        return false;
    if (c->val.node.type == T_Integer) {
        *ret = c->val.ival.ival;
        return true;
    }
    return c->val.node.type == T_Float && str_to_i64(str_of(c->val.fval.fval), ret) == ERR_OK;
}
