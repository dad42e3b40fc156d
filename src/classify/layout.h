/*
 * A statement laid out over lines, for people. For information only: what was sent is the text itself, and nothing
 * that is made here is ever run. Pure.
 */
#pragma once

#include "base/buf.h"
#include "classify/sql.h"

/*
 * Appends the text with each clause on a line of its own and the queries in it indented. Every word and comment, as
 * PostgreSQL's own lexer finds them, is kept as it is and in order; only white space between them changes, never
 * where that would change what the text means. A text of one short line stays one line.
 * ERR_INVALID: the lexer does not take it, or it is longer than LIMIT_SQL_COMMENTED; ERR_LIMIT: the buffer's cap;
 * ERR_NOMEM. Then the buffer holds what it held.
 */
MUST_USE enum err sql_layout(struct buf *out, struct str text, const struct sql_settings *s);
