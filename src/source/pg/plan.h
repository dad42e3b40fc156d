/*
 * What EXPLAIN (VERBOSE, FORMAT JSON) says, as values (PostgreSQL manual, EXPLAIN; the property names are those of
 * src/backend/commands/explain.c, versions 12 to 17). Pure; the text comes from the upstream and is not trusted.
 */
#pragma once

#include "base/arena.h"

/* One node of a plan, in the order in which EXPLAIN prints them: parents before children. */
struct pg_plan_node {
    uint32_t depth;
    struct str type;      /* "Seq Scan", "ModifyTable" */
    struct str operation; /* of a ModifyTable: "Insert", "Update", "Delete", "Merge"; else empty */
    struct str schema, relation, index; /* empty where it has none */
    struct str condition; /* of what it reads: index conditions and filters; may be empty */
    int64_t rows, cost;   /* expected; rounded up, and INT64_MAX for what is more */
};

struct pg_plan {
    int64_t rows; /* that it would change, or where it changes none, return */
    int64_t cost; /* in the planner's units, for all its rows, rounded up */
    const struct pg_plan_node *nodes;
    size_t n_nodes;
    bool more;    /* the plan has more nodes than LIMIT_PG_PLAN_NODES */
};

/*
 * One statement's plans (rules can make several of one, or none at all). Views into the arena.
 * ERR_INVALID: not what EXPLAIN writes, or for a statement that has no plan; ERR_LIMIT: nested deeper than
 * LIMIT_PG_PLAN_DEPTH; ERR_NOMEM.
 */
MUST_USE enum err pg_plan_read(struct arena *a, struct str json, struct pg_plan *ret);

/* a + b, INT64_MAX where that is too much; neither is negative. */
int64_t pg_plan_sum(int64_t a, int64_t b);
