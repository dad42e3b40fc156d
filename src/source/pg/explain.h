/*
 * What EXPLAIN can be asked about the action that a session is judging, and how (docs/sql-facts.md, "Estimates").
 *
 * Planning can run code: the planner computes immutable functions, and for its estimates stable ones too, and a
 * function that says IMMUTABLE may say what is not true. So it is asked only of a statement that calls nothing but
 * built-ins known to be harmless (no SQL_DYNAMIC, no dangerous function), in a read-only transaction that is undone,
 * under the server's own time limits. Never ANALYZE: the text that is sent is classified once more, and is not sent
 * where it would do more than read.
 */
#pragma once

#include "source/pg/ask.h"
#include "source/pg/plan.h"

enum { PG_EXPLAIN_STATEMENTS = 16, PG_EXPLAIN_PROLOGUE = 1 };

struct pg_explain {
    struct str why_not; /* it cannot be asked: in words for people; empty where it can */
    struct pg_question_part parts[PG_EXPLAIN_PROLOGUE + PG_EXPLAIN_STATEMENTS];
    size_t n_parts;     /* PG_EXPLAIN_PROLOGUE where no statement touches any row: nothing need be asked then */
};

/* Builds the question about s->judged, in the arena. ERR_NOMEM | ERR_LIMIT. */
MUST_USE enum err pg_explain_prepare(const struct source_session *s, struct arena *a, struct pg_explain *ret);

/* The answer, gathered row by row; zeroed at first. */
struct pg_explained {
    struct pg_plan plans[PG_EXPLAIN_STATEMENTS];
    size_t n;
    bool malformed;
};

/* One row of part `part` (as pg_asker.row). */
void pg_explain_row(struct pg_explained *x, struct arena *a, size_t part, const struct str *values, size_t n);
/* Over all statements; false where a plan is missing or is none. */
bool pg_explain_total(const struct pg_explain *e, const struct pg_explained *x, int64_t *ret_rows, int64_t *ret_cost);
