/*
 * The shape of a statement: its text with the values taken out, so that "the same statement again, with another
 * number" can be said, counted and granted.
 *
 *   DELETE FROM orders WHERE id = 17 AND note = 'late'   and
 *   delete from ORDERS where id=4    and note = E'x' -- again
 *     have the shape  delete from orders where id = $int and note = $text
 *
 * Two texts of one shape have the same tokens but for the values of their literals, so PostgreSQL's grammar makes the
 * same tree of them but for those values. It is stricter than pg_stat_statements and than libpg_query's fingerprint
 * (which forget aliases and the length of IN lists): docs/decisions/ says why.
 *
 * What a value can change beyond a value keeps a text from having a shape at all: more than one statement, anything
 * but SELECT, INSERT, UPDATE, DELETE and MERGE, text that cannot be judged (SQL_DYNAMIC, SQL_PARSE_ERROR), functions
 * with effects, a condition that is always true. Literals behind LIMIT, OFFSET, FETCH and TABLESAMPLE stay as they
 * are, as do NULL, TRUE and FALSE; so `LIMIT 10` is another shape than `LIMIT 1000000`.
 */
#pragma once

#include "base/digest.h"
#include "classify/sql.h"

struct sql_shape {
    struct str text;      /* for people; lower case but for quoted names; empty where the statement has no shape */
    struct digest digest; /* what to compare: of `text` and of the facts about breadth; all zero without a shape */
};

/*
 * The shape of `text`, whose facts under `settings` are `facts`. Values of parameters ($1) are no part of the text and
 * so of no shape; which parameters there are is. A statement without a shape is only ever like itself, byte for byte:
 * that is no error.
 * *ret views arena. ERR_NOMEM.
 */
MUST_USE enum err sql_shape_of(struct arena *a, struct str text, const struct sql_settings *settings,
                               const struct sql_facts *facts, struct sql_shape *ret);
