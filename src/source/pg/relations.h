/*
 * What the catalogue says about the relations that a statement touches: sizes, triggers, foreign keys, and who holds
 * or waits for their locks now. Questions and answers; the answers become JSON for people.
 *
 * The queries rely on nothing of the session but its search_path, which decides what the statement's names mean:
 * every function, type and operator is named with pg_catalog.
 */
#pragma once

#include "base/json.h"
#include "model/sql_facts.h"
#include "source/pg/ask.h"
#include "source/pg/plan.h"

enum { PG_RELATIONS_PARTS = 4, PG_RELATIONS_MOST = 64 };

/* The answer: one JSON array a part. */
struct pg_relations {
    struct sql_names names; /* as asked: quoted where they must be */
    const struct sql_facts *facts;
    const struct pg_plan *plans;
    size_t n_plans;
    struct buf out[PG_RELATIONS_PARTS];
    struct json json[PG_RELATIONS_PARTS];
};

/*
 * The question: the relations that the facts name and those of the plans, in the arena. None: names.n is 0, and
 * nothing is asked. `facts` and `plans` are kept as views. More than PG_RELATIONS_MOST relations: the first.
 */
MUST_USE enum err pg_relations_prepare(struct arena *a, const struct sql_facts *facts, const struct pg_plan *plans,
                                       size_t n_plans, struct pg_relations *ret,
                                       struct pg_question_part ret_parts[static PG_RELATIONS_PARTS]);
/* As pg_asker.row. */
void pg_relations_row(struct pg_relations *r, size_t part, const struct str *values, size_t n);
/* Writes members "tables", "triggers", "foreign_keys", "locks" of the object that is open; null for one that is too
 * long to be told. */
void pg_relations_put(struct pg_relations *r, struct json *j);
void pg_relations_done(struct pg_relations *r);
