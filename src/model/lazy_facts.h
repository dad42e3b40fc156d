/*
 * Facts that cost something to obtain (a look at the catalogue, a plan of the statement): a decision
 * says in needs_facts which of them can still change it, the conductor obtains those in one batch or
 * marks them as failed, and the decision goes on. A guardrail that reads a failed one holds.
 */
#pragma once

#include "base/str.h"

enum lazy_fact {
    LAZY_ESTIMATED_ROWS, /* int: rows the planner expects it to change, or to return; `sql.estimated_rows` */
    LAZY_ESTIMATED_COST, /* int: what the planner expects it to cost, in its units; `sql.estimated_cost` */
    LAZY_FACT_COUNT
};

#define LAZY_BIT(fact) (UINT64_C(1) << (fact))

/* Every fact is an integer so far; known and failed are bit masks and have no bit in common. */
struct lazy_facts {
    uint64_t known, failed;
    int64_t value[LAZY_FACT_COUNT];
    struct str why_failed; /* for people; empty where nothing failed */
};

static inline uint64_t lazy_settled(const struct lazy_facts *f)
{
    return f != NULL ? f->known | f->failed : 0;
}
