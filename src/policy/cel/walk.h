/* The slow evaluator's inside, for the explanation. */
#pragma once

#include "policy/cel/plan.h"

/* A variable of the expression; innermost first. */
struct binding {
    const struct local *local;
    struct cel_value value;
    const struct node *lazy; /* of cel.bind: not computed yet, to be done in the environment `outer` */
    struct binding *outer;
};

struct cel_value cel_walk(struct cel_eval *e, const struct node *n, struct binding *env);

/* The variables of a macro in its round i over `range`, a list or map; they live in *r. */
struct round {
    struct binding first, second;
    struct binding *env;
};
void cel_start_round(struct round *r, const struct node *n, struct cel_value range, uint32_t i,
                     struct binding *env);
