/*
 * Code that the catalogue holds (views, policies, defaults, functions) → facts of running it. Names that the code
 * uses and the list of built-ins does not know are in unknown_functions, unknown_types, unknown_operators as for any
 * text; who asks the catalogue goes on with those.
 */
#pragma once

#include "classify/sql.h"

enum sql_code {
    SQL_CODE_QUERY = 1,   /* statements: a view's query, the body of an SQL function */
    SQL_CODE_EXPRESSIONS, /* one expression, or several with commas: defaults, policies, checks */
    SQL_CODE_ATOMIC,      /* the body of an SQL function as pg_get_function_sqlbody writes it */
    SQL_CODE_PLPGSQL,     /* the whole CREATE FUNCTION statement of a function in PL/pgSQL, as pg_get_functiondef
                           * writes it */
    SQL_CODE_TRIGGER,     /* a CREATE TRIGGER statement, for its WHEN condition alone */
};

/*
 * *ret views the arena. What is not understood, what builds statements at run time, and statements of PL/pgSQL that
 * are not on the list of known ones are SQL_D_CODE in the facts: that code is nobody's promise. ERR_NOMEM, ERR_LIMIT.
 */
MUST_USE enum err classify_code(struct arena *a, enum sql_code kind, struct str text,
                                const struct sql_settings *settings, struct sql_facts *ret);

/* True where all that the facts say is reading, but for names that somebody else has to vouch for (unknown_*). */
bool sql_facts_only_read(const struct sql_facts *f);

/* True where it adds rows or changes those that a key names, and nothing else, but for unknown names. */
bool sql_facts_mild(const struct sql_facts *f);
